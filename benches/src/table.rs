//! Tables of results, for the terminal and for the report.
//! **Invariant:** terminal and report show the same cells.
//! It does not round away a broken promise: "kept" is computed from the counts.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::record::{INBETWEEN, Record, runs_ratio};

/// Column heads; `several` adds scene and seed.
pub fn heads(several: bool) -> Vec<&'static str> {
    let mut heads = vec!["policy"];
    if several {
        heads.extend(["scene", "seed"]);
    }
    heads.extend(["frames", "runs", "runs/s", "violations", "age", "own cpu/frame", "kept"]);
    heads
}

/// The cells of one row, without the last ("kept").
pub fn cells(r: &Record, several: bool) -> Vec<String> {
    let policy = match r.every {
        Some(n) => format!("{} (N = {})", r.policy, n),
        None => r.policy.clone(),
    };
    let mut cells = vec![policy];
    if several {
        cells.extend([r.scene.clone(), r.seed.to_string()]);
    }
    cells.extend([
        r.frames.to_string(),
        r.runs.to_string(),
        format!("{:.1}", r.runs_per_second()),
        format!("{:.2}%", r.violation_rate() * 100.0),
        r.mean_age_ms.map_or("–".into(), |ms| format!("{ms:.0} ms")),
        r.cpu_ns_per_frame.map_or("–".into(), |ns| format!("{:.0} µs", ns as f64 / 1e3)),
    ]);
    cells
}

/// A table for the terminal.
pub fn terminal(records: &[Record], several: bool) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(heads(several));
    for r in records {
        let mut row = cells(r, several);
        row.push(if r.kept() { "yes" } else { "no" }.into());
        table.add_row(row);
    }
    let text_columns = if several { 2 } else { 1 };
    for column in table.column_iter_mut().skip(text_columns) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// For each other policy one sentence: how many times fewer runs, over how many sessions.
pub fn ratio_lines(records: &[Record]) -> Vec<String> {
    let mut others: Vec<&str> = Vec::new();
    for r in records {
        if r.policy != INBETWEEN && !others.contains(&r.policy.as_str()) {
            others.push(&r.policy);
        }
    }
    let sessions = records.iter().filter(|r| r.policy == INBETWEEN).count();
    others
        .into_iter()
        .map(|other| match runs_ratio(records, INBETWEEN, other) {
            Some((ratio, n)) => {
                format!("{ratio:.1} times fewer runs than {other} (geometric mean of the {n} of {sessions} sessions in which both keep the promise)")
            }
            None => format!("{other}: no session in which both keep the promise"),
        })
        .collect()
}
