# bash completion for jobctl. Made by `jobctl completion bash`.
_jobctl() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} words=
    if [ "$COMP_CWORD" -eq 1 ]; then
        words=" migrate tenant submit run show logs why list release stop retry lock wait watch events subscribe stats classes class instances health fsck quarantine token audit purge --help --version"
    elif [ "$COMP_CWORD" -eq 2 ] && [ "$previous" = tenant ]; then
        words=" create role amqp list show shares set defaults apply pause resume maintenance move remove"
    else
        local verb=${COMP_WORDS[1]}
        [ "$verb" = tenant ] && verb="tenant ${COMP_WORDS[2]}"
        case $previous in
        -s | --status) words="PENDING QUEUED TO_BE_RUN RUNNING SUCCEEDED FAILED ABORTED" ;;
        -c | --config) COMPREPLY=($(compgen -f -- "$current")) && return ;;
        --classes-dir) COMPREPLY=($(compgen -d -- "$current")) && return ;;
        *)
            case $verb in
            "migrate") words=" --roles --print --url --schema --datasource -c --config -h --help" ;;
            "tenant create") words=" --weight --max-running --max-queued --state --role --url --schema --datasource -c --config -h --help" ;;
            "tenant role") words=" --print --none --url --schema --datasource -c --config -h --help" ;;
            "tenant amqp") words=" --apply --user --password-file --url --schema --datasource --amqp-url --service -c --config -h --help" ;;
            "tenant list") words=" --json --url --schema --datasource -c --config -h --help" ;;
            "tenant show") words=" --json --url --schema --datasource -c --config -h --help" ;;
            "tenant shares") words=" -w --watch --interval --json --url --schema --datasource -c --config -h --help" ;;
            "tenant set") words=" --weight --max-running --max-queued --state --url --schema --datasource -c --config -h --help" ;;
            "tenant defaults") words=" --weight --max-running --max-queued --json --url --schema --datasource -c --config -h --help" ;;
            "tenant apply") words=" --dry-run --json --url --schema --datasource -c --config -h --help" ;;
            "tenant pause") words=" --url --schema --datasource -c --config -h --help" ;;
            "tenant resume") words=" --url --schema --datasource -c --config -h --help" ;;
            "tenant maintenance") words=" --url --schema --datasource -c --config -h --help" ;;
            "tenant move") words=" --to --stop --timeout --events-for --cancel --url --schema --datasource -c --config -h --help" ;;
            "tenant remove") words=" --force --discard-events --timeout --url --schema --datasource --amqp-url --service -c --config -h --help" ;;
            "submit") words=" -p --parameter --parameters --priority --pending --at --in --expires --description --owner --related-type --related-id --attempts --timeout --backoff --locked --traceparent --id -w --wait --wait-timeout -t --tenant --json --url --schema --datasource --token -c --config -h --help" ;;
            "run") words=" -p --parameter --parameters --timeout --classes-dir --json -c --config -h --help" ;;
            "show") words=" --attempts -t --tenant --json --url --schema --datasource --token -c --config -h --help" ;;
            "logs") words=" --attempt -t --tenant --json --url --schema --datasource -c --config -h --help" ;;
            "why") words=" -t --tenant --json --url --schema --datasource --token -c --config -h --help" ;;
            "list") words=" -s --status --class --owner --related-type --related-id -n --limit --after -t --tenant --json --url --schema --datasource --token -c --config -h --help" ;;
            "release") words=" -t --tenant --url --schema --datasource --token -c --config -h --help" ;;
            "stop") words=" -s --status --class --owner --related-type --related-id --older-than --newer-than --all -n --limit --amqp --timeout -t --tenant --url --schema --datasource --token --amqp-url --service -c --config -h --help" ;;
            "retry") words=" --failed --error-kind -s --status --class --owner --related-type --related-id --older-than --newer-than --all -n --limit -t --tenant --url --schema --datasource --token -c --config -h --help" ;;
            "lock") words=" --off -t --tenant --url --schema --datasource --token -c --config -h --help" ;;
            "wait") words=" --timeout -t --tenant --json --url --schema --datasource --token -c --config -h --help" ;;
            "watch") words=" -s --status --class --owner --related-type --related-id -n --limit --interval -t --tenant --json --url --schema --datasource -c --config -h --help" ;;
            "events") words=" --key -n --count --timeout -t --tenant --json --amqp-url --service -c --config -h --help" ;;
            "subscribe") words=" --key --kind --ttl --max-length --list --delete -t --tenant --json --url --schema --datasource --amqp-url --service -c --config -h --help" ;;
            "stats") words=" -t --tenant --json --url --schema --datasource --token -c --config -h --help" ;;
            "classes") words=" --json --url --schema --datasource -c --config -h --help" ;;
            "class list") words=" --json --url --schema --datasource -c --config -h --help" ;;
            "class set") words=" --max-running --max-running-per-tenant --url --schema --datasource -c --config -h --help" ;;
            "class pause") words=" -t --tenant --url --schema --datasource -c --config -h --help" ;;
            "class resume") words=" -t --tenant --url --schema --datasource -c --config -h --help" ;;
            "instances") words=" --json --url --schema --datasource -c --config -h --help" ;;
            "health") words=" --json --url --schema --datasource --token --amqp-url --service -c --config -h --help" ;;
            "fsck") words=" --json --url --schema --datasource -c --config -h --help" ;;
            "quarantine list") words=" -t --tenant --json --url --schema --datasource -c --config -h --help" ;;
            "quarantine release") words=" -t --tenant --url --schema --datasource -c --config -h --help" ;;
            "token create") words=" --role --expires --all-tenants -t --tenant --json --url --schema --datasource -c --config -h --help" ;;
            "token list") words=" -t --tenant --json --url --schema --datasource -c --config -h --help" ;;
            "token revoke") words=" -t --tenant --url --schema --datasource -c --config -h --help" ;;
            "audit") words=" --job --limit --before -t --tenant --json --url --schema --datasource -c --config -h --help" ;;
            "purge") words=" --older-than -s --status -t --tenant --url --schema --datasource -c --config -h --help" ;;
            esac
            ;;
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _jobctl jobctl
