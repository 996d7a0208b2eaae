use super::*;
use scraper::{Html, Selector};

fn page() -> Page {
    let summary = |samples: &[f64]| Summary::of(samples.to_vec()).unwrap();
    Page {
        title: "A <b>title</b> & more".to_owned(),
        machine: Machine {
            cpu: "CPU <fast>".to_owned(),
            cores: 2,
            kernel: "Linux 6".to_owned(),
            load: Some(0.1),
            linkveil: "1.2.3".to_owned(),
            date: "2026-01-02T03:04:05Z".to_owned(),
        },
        sections: vec![Section {
            title: "TCP".to_owned(),
            notes: vec!["A note.".to_owned()],
            grids: vec![Grid::new(
                "A table",
                &["tunnel", "Gb/s"],
                vec![
                    vec![Cell::text("linkveil"), Cell::number(1234.5, 2)],
                    vec![Cell::text("\"none\""), Cell::none()],
                ],
            )],
            charts: vec![Chart {
                title: "One flow".to_owned(),
                unit: "Gb/s",
                better: Better::Higher,
                bars: vec![
                    Bar {
                        label: "linkveil".to_owned(),
                        value: summary(&[8.0, 10.0, 9.0]),
                        own: true,
                    },
                    Bar {
                        label: "<script>alert(1)</script>".to_owned(),
                        value: summary(&[5.0]),
                        own: false,
                    },
                ],
            }],
        }],
    }
}

fn texts(document: &Html, selector: &str) -> Vec<String> {
    let found = Selector::parse(selector).unwrap();
    document
        .select(&found)
        .map(|element| element.text().collect())
        .collect()
}

fn attributes(document: &Html, selector: &str, name: &str) -> Vec<String> {
    let found = Selector::parse(selector).unwrap();
    let values = document
        .select(&found)
        .filter_map(|element| element.value().attr(name));
    values.map(str::to_owned).collect()
}

#[test]
fn the_page_is_html_without_a_fault() {
    let document = Html::parse_document(&html::render(&page()));
    assert_eq!(document.errors, Vec::<String>::new());
    assert_eq!(texts(&document, "h1"), ["A <b>title</b> & more"]);
    assert_eq!(texts(&document, "h2"), ["TCP"]);
    assert_eq!(texts(&document, "td.figure"), ["1,234.50", "-"]);
    assert_eq!(texts(&document, "th.figure"), ["Gb/s"]);
    assert!(texts(&document, "dd").contains(&"CPU <fast>, 2 cores".to_owned()));
}

#[test]
fn nothing_on_the_page_comes_from_elsewhere_or_runs() {
    let text = html::render(&page());
    let document = Html::parse_document(&text);
    assert_eq!(
        texts(&document, "script, link, img, iframe, object, use, image"),
        Vec::<String>::new()
    );
    assert_eq!(
        attributes(&document, "[href]", "href"),
        Vec::<String>::new()
    );
    assert_eq!(attributes(&document, "[src]", "src"), Vec::<String>::new());
    for outside in ["http:", "https:", "url(", "@import"] {
        assert!(!text.contains(outside), "{outside}");
    }
}

#[test]
fn bars_are_as_long_as_their_medians_say() {
    let document = Html::parse_document(&html::render(&page()));
    let widths: Vec<f64> = attributes(&document, "rect.bar", "width")
        .iter()
        .map(|width| width.parse().unwrap())
        .collect();
    // The longest whisker, 10, fills the 270 units between label and figure.
    assert_eq!(widths, [243.0, 135.0]);
    assert_eq!(attributes(&document, "rect.own", "width"), ["243.0"]);
    assert_eq!(texts(&document, "svg text.figure"), ["9.00", "5.00"]);
}

#[test]
fn only_what_has_several_samples_has_a_whisker() {
    let document = Html::parse_document(&html::render(&page()));
    let whiskers = attributes(&document, "path.whisker", "d");
    // From 8 to 10 on a scale of 27 units each, behind 170 of label.
    assert_eq!(whiskers.len(), 1);
    assert!(whiskers[0].starts_with("M386.0 12H440.0"), "{whiskers:?}");
}

#[test]
fn the_page_knows_light_and_dark() {
    assert!(html::render(&page()).contains("prefers-color-scheme: dark"));
}

#[test]
fn the_text_has_the_table_the_note_and_the_machine() {
    let text = text::render(&page());
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    assert!(lines.contains(&"| tunnel   |     Gb/s |"), "{text}");
    assert!(lines.contains(&"| linkveil | 1,234.50 |"), "{text}");
    assert!(lines.contains(&"A note."));
    assert!(lines.contains(&"CPU <fast>, 2 cores, Linux 6, linkveil 1.2.3, 2026-01-02T03:04:05Z"));
}

#[test]
fn figures_are_grouped_by_three() {
    let shown = |cell: Cell| cell.as_str().to_owned();
    assert_eq!(shown(Cell::count(16_384)), "16,384");
    assert_eq!(shown(Cell::count(100)), "100");
    assert_eq!(shown(Cell::number(-1234567.891, 1)), "-1,234,567.9");
    assert_eq!(shown(Cell::number(0.125, 2)), "0.12");
    assert_eq!(shown(Cell::percent(0.456)), "46 %");
    assert_eq!(shown(Cell::median(None, 2)), "-");
}
