//! One self-contained page: no script, no font, no picture from elsewhere.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::chart;
use super::{Cell, Grid, Page, Section};

/// Colours for light and for dark; the page follows the reader's system (`prefers-color-scheme`).
const STYLE: &str = include_str!("style.css");

/// The whole page.
#[must_use]
pub fn render(page: &Page) -> String {
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (page.title) }
                    (machine(page))
                    @for part in &page.sections { (section(part)) }
                }
            }
        }
    };
    document.into_string()
}

fn machine(page: &Page) -> Markup {
    let machine = &page.machine;
    let cores = format!("{}, {} cores", machine.cpu, machine.cores);
    let load = machine
        .load
        .map_or_else(|| "unknown".to_owned(), |load| load.to_string());
    let facts = [
        ("Processor", cores.as_str()),
        ("Kernel", &machine.kernel),
        ("linkveil", &machine.linkveil),
        ("Date", &machine.date),
        ("Load before", &load),
    ];
    html! {
        dl {
            @for (name, value) in facts {
                div { dt { (name) } dd { (value) } }
            }
        }
        @if let Some(warning) = machine.warning() {
            p.warning { "Warning: " (warning) }
        }
    }
}

fn section(section: &Section) -> Markup {
    html! {
        section {
            h2 { (section.title) }
            @for note in &section.notes { p.note { (note) } }
            div.charts { @for part in &section.charts { (chart(part)) } }
            @for part in &section.grids { (grid(part)) }
        }
    }
}

/// A column is as its first row.
fn class_of(cell: Option<&Cell>) -> Option<&'static str> {
    matches!(cell, Some(Cell::Figure(_))).then_some("figure")
}

fn grid(grid: &Grid) -> Markup {
    html! {
        div.grid {
            table {
                @if !grid.title.is_empty() { caption { (grid.title) } }
                thead {
                    tr {
                        @for (place, name) in grid.header.iter().enumerate() {
                            th scope="col" class=[class_of(grid.rows.first().and_then(|row| row.get(place)))] { (name) }
                        }
                    }
                }
                tbody {
                    @for row in &grid.rows {
                        tr {
                            @for cell in row {
                                td class=[class_of(Some(cell))] { (cell.as_str()) }
                            }
                        }
                    }
                }
            }
        }
    }
}
