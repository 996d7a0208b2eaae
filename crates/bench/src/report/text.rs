//! The tables on a terminal.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};

use super::{Cell, Grid, Page};

/// The whole page as plain text, without colours: it is often sent into a file.
#[must_use]
pub fn render(page: &Page) -> String {
    let mut out = String::new();
    for section in &page.sections {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}\n", section.title);
        for grid in &section.grids {
            if !grid.title.is_empty() {
                let _ = writeln!(out, "{}", grid.title);
            }
            let _ = writeln!(out, "{}\n", table(grid));
        }
        for note in &section.notes {
            let _ = writeln!(out, "{note}");
        }
        out.push('\n');
    }
    let machine = &page.machine;
    let _ = writeln!(
        out,
        "{}, {} cores, {}, linkveil {}, {}",
        machine.cpu, machine.cores, machine.kernel, machine.linkveil, machine.date
    );
    if let Some(warning) = machine.warning() {
        let _ = writeln!(out, "Warning: {warning}");
    }
    out
}

fn table(grid: &Grid) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(&grid.header);
    for row in &grid.rows {
        table.add_row(row.iter().map(cell));
    }
    for (column, cell) in table
        .column_iter_mut()
        .zip(grid.rows.first().into_iter().flatten())
    {
        if matches!(cell, Cell::Figure(_)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn cell(cell: &Cell) -> comfy_table::Cell {
    comfy_table::Cell::new(cell.as_str())
}
