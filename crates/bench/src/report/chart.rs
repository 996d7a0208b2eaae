//! Horizontal bars as inline SVG.

use maud::{Markup, html};

use super::{Bar, Better, Chart, fixed};

/// Lengths in the drawing's own units; the page scales it to its width.
const WIDTH: f64 = 520.0;
const LABEL_WIDTH: f64 = 170.0;
/// Room for the figure behind the longest bar.
const FIGURE_WIDTH: f64 = 80.0;
const ROW: f64 = 24.0;
const BAR: f64 = 14.0;
const GAP: f64 = 8.0;
/// Half the height of a whisker's ends.
const WHISKER: f64 = 3.0;
/// From the top of a row to the base line of its text.
const BASE_LINE: f64 = 16.0;

pub(super) fn chart(chart: &Chart) -> Markup {
    let better = match chart.better {
        Better::Higher => "more is better",
        Better::Lower => "less is better",
    };
    let height = ROW * chart.bars.len() as f64;
    let longest = chart
        .bars
        .iter()
        .map(|bar| bar.value.highest)
        .fold(0.0, f64::max);
    let scale = if longest > 0.0 {
        (WIDTH - LABEL_WIDTH - FIGURE_WIDTH) / longest
    } else {
        0.0
    };
    let names: Vec<&str> = chart.bars.iter().map(|bar| bar.label.as_str()).collect();
    html! {
        figure {
            figcaption { strong { (chart.title) } " " span { (chart.unit) ", " (better) } }
            svg viewBox={ "0 0 " (WIDTH) " " (height) } role="img"
                aria-label={ (chart.title) " in " (chart.unit) ": " (names.join(", ")) } {
                @for (place, part) in chart.bars.iter().enumerate() {
                    (bar(part, place as f64 * ROW, scale))
                }
            }
        }
    }
}

fn bar(bar: &Bar, top: f64, scale: f64) -> Markup {
    let value = &bar.value;
    let at = |number: f64| short(LABEL_WIDTH + number * scale);
    let (middle, base) = (top + ROW / 2.0, top + BASE_LINE);
    let end = LABEL_WIDTH + value.highest.max(value.median) * scale + GAP;
    let class = if bar.own { "bar own" } else { "bar" };
    html! {
        g {
            title {
                (bar.label) ": median " (figure(value.median)) ", "
                (figure(value.lowest)) " to " (figure(value.highest))
            }
            text class="label" x=(LABEL_WIDTH - GAP) y=(base) text-anchor="end" { (bar.label) }
            rect class=(class) x=(LABEL_WIDTH) y=(top + (ROW - BAR) / 2.0)
                width=(short(value.median * scale)) height=(BAR) rx="2" {}
            @if value.samples.len() > 1 {
                path class="whisker" d={
                    "M" (at(value.lowest)) " " (middle) "H" (at(value.highest))
                    "M" (at(value.lowest)) " " (middle - WHISKER) "v" (2.0 * WHISKER)
                    "M" (at(value.highest)) " " (middle - WHISKER) "v" (2.0 * WHISKER)
                } {}
            }
            text class="figure" x=(short(end)) y=(base) { (figure(value.median)) }
        }
    }
}

/// A tenth of a unit is finer than any screen shows.
fn short(length: f64) -> String {
    format!("{length:.1}")
}

/// Three digits that count.
fn figure(number: f64) -> String {
    let decimals = match number.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    fixed(number, decimals)
}
