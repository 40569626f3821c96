// Lines over time, drawn by uPlot (vendor/). Colours are read from the sheet, so a chart follows
// the theme.

import { h } from './dom.js';
import { rate } from './format.js';

function colour(name) {
  const probe = h('i', { hidden: true });
  document.body.append(probe);
  probe.style.color = `var(${name})`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function faint(rgb) {
  return rgb.replace(/^rgb\(/, 'rgba(').replace(/\)$/, ', 0.12)');
}

function series({ label, tone }) {
  const stroke = colour(tone);
  return {
    label,
    stroke,
    fill: faint(stroke),
    width: 1.6,
    points: { show: false },
    value: (plot, value) => (value === null ? '–' : rate(value)),
  };
}

const clockOf = (seconds) => new Date(seconds * 1000).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

function axes() {
  const common = {
    stroke: colour('--muted'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
  };
  return [
    { ...common, grid: { show: false }, space: 80, values: (plot, times) => times.map(clockOf) },
    { ...common, size: 48, space: 36, values: (plot, values) => values.map((v) => rate(v)) },
  ];
}

/**
 * A chart of the last `seconds` of `lines` ([{label, tone: custom property}]).
 * → { element, push(seconds since 1970, [value of each line]), describe(text), close() }.
 */
export function timeChart(lines, { seconds = 300, name }) {
  const data = [[], ...lines.map(() => [])];
  const place = h('div.chart', { role: 'img', 'aria-label': name });
  const legend = h('div.legend', { 'aria-hidden': 'true' }, lines.map(legendItem));
  const element = h('div.chart-card', {}, place, legend);
  let plot = null;

  const draw = () => {
    if (plot) plot.destroy();
    plot = new uPlot(options(place, lines, seconds), data, place);
  };
  const resize = new ResizeObserver(() => {
    if (plot && place.clientWidth > 0) plot.setSize(size(place));
    else if (place.clientWidth > 0) draw();
  });
  resize.observe(place);
  document.addEventListener('themechange', draw);

  return {
    element,
    push(at, values) {
      data[0].push(at);
      values.forEach((value, i) => data[i + 1].push(value));
      while (data[0][0] < at - seconds) data.forEach((column) => column.shift());
      if (plot) plot.setData(data);
    },
    describe: (text) => place.setAttribute('aria-label', `${name}: ${text}`),
    close() {
      resize.disconnect();
      document.removeEventListener('themechange', draw);
      if (plot) plot.destroy();
    },
  };
}

function legendItem({ label, tone }) {
  const mark = h('i', {});
  mark.style.setProperty('--tone', `var(${tone})`);
  return h('span', {}, mark, label);
}

const size = (place) => ({ width: place.clientWidth, height: place.clientHeight });

function options(place, lines, seconds) {
  return {
    ...size(place),
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    padding: [8, 8, 0, 0],
    scales: {
      x: { range: (plot, first, last) => [last - seconds, last] },
      y: { range: (plot, low, high) => [0, Math.max(1, high * 1.15 || 1)] },
    },
    series: [{}, ...lines.map(series)],
    axes: axes(),
  };
}
