//! Tables of results, for the terminal and for the report.
//! **Invariant:** terminal and report show the same cells.
//! It does not round away a broken promise: "kept" is computed from the counts.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use inbetween_sim::measure::Faults;

use crate::{
    energy,
    record::{INBETWEEN, Row, kept, runs_ratio},
    summary::{Estimate, PolicySums, Suite, Summary, WITHOUT, percent, verdicts, words},
};

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
pub fn cells(r: &Row, several: bool) -> Vec<String> {
    let policy = match r.every {
        Some(n) if n > 1 => format!("{} (N = {n})", r.policy),
        _ => r.policy.clone(),
    };
    let mut cells = vec![policy];
    if several {
        cells.extend([r.scene.clone(), r.seed.to_string()]);
    }
    cells.extend([
        r.frames.to_string(),
        r.runs.to_string(),
        format!("{:.1}", r.runs_per_s()),
        format!("{:.2}%", r.violation_rate() * 100.0),
        format!("{:.0} ms", r.age_ms_mean),
        if r.cpu_ns_per_frame > 0.0 { format!("{:.0} µs", r.cpu_ns_per_frame / 1e3) } else { "–".into() },
    ]);
    cells
}

/// A table for the terminal.
pub fn terminal(rows: &[Row], several: bool) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(heads(several));
    for r in rows {
        let mut row = cells(r, several);
        row.push(if kept(r) { "yes" } else { "no" }.into());
        table.add_row(row);
    }
    let text_columns = if several { 2 } else { 1 };
    for column in table.column_iter_mut().skip(text_columns) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Column heads of the sums over several sessions.
pub const SUM_HEADS: [&str; 6] =
    ["policy", "kept", "mean violations", "worst violations", "mean runs/s", "frames a run"];

/// The cells of the sums: one row for each policy, in their order.
pub fn sums(rows: &[Row]) -> Vec<[String; 6]> {
    let mut policies: Vec<&str> = Vec::new();
    for r in rows {
        if !policies.contains(&r.policy.as_str()) {
            policies.push(&r.policy);
        }
    }
    let sum = |policy: &str| {
        let own: Vec<&Row> = rows.iter().filter(|r| r.policy == policy).collect();
        let mean = |f: fn(&Row) -> f64| own.iter().map(|r| f(r)).sum::<f64>() / own.len().max(1) as f64;
        let worst = own.iter().map(|r| r.violation_rate()).fold(0.0, f64::max);
        let (frames, runs) = own.iter().fold((0, 0), |(f, n), r| (f + r.frames, n + r.runs));
        [
            policy.to_owned(),
            format!("{} of {}", own.iter().filter(|r| kept(r)).count(), own.len()),
            format!("{:.2}%", mean(Row::violation_rate) * 100.0),
            format!("{:.2}%", worst * 100.0),
            format!("{:.1}", mean(Row::runs_per_s)),
            format!("{:.1}", frames as f64 / runs.max(1) as f64),
        ]
    };
    policies.into_iter().map(sum).collect()
}

/// Column heads of the policies of a suite; power is called what its validation allows.
pub fn policy_heads() -> [String; 8] {
    let power = format!("{} mW", energy::word());
    ["policy", "scenes kept", "violations (95%)", "worst scene", "runs/s", "MMAC/s", &power, "own cpu/frame"]
        .map(str::to_owned)
}

/// The cells of a policy of a suite.
pub fn policy_cells(p: &PolicySums) -> [String; 8] {
    let interval = p.violation_rate.map_or_else(String::new, |v| {
        format!("{} ({} to {})", percent(v.value), percent(v.low), percent(v.high))
    });
    let watts: Vec<String> = p.watts.iter().map(|w| format!("{:.2}", w * 1e3)).collect();
    [
        p.policy.clone(),
        format!("{} of {}", p.scenes_kept, p.scenes),
        interval,
        format!("{} {}", p.worst_scene, percent(p.worst_violation_rate)),
        format!("{:.2}", p.runs_per_s),
        format!("{:.0}", p.macs_per_s / 1e6),
        watts.join(" · "),
        format!("{:.0} µs", p.cpu_ns_per_frame / 1e3),
    ]
}

/// The policies of a table: ablations have one of their own.
pub fn shown(summary: &Summary) -> impl Iterator<Item = &PolicySums> {
    summary.policies.iter().filter(|p| !p.policy.starts_with(WITHOUT))
}

/// The policies of a suite for the terminal.
pub fn policies(summary: &Summary) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(policy_heads());
    for p in shown(summary) {
        table.add_row(policy_cells(p));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// What a suite says: the lines of the contract, then what each ingredient is worth.
pub fn lines(suite: &Suite) -> Vec<String> {
    let mut lines = Vec::new();
    for v in verdicts(suite) {
        let sign = match v.met {
            Some(true) => "met    ",
            Some(false) => "not met",
            None => "unknown",
        };
        let note = if v.note.is_empty() { String::new() } else { format!(" ({})", v.note) };
        lines.push(format!("line {} {sign}  {}: {}{note}", v.line, v.asked, v.measured));
    }
    for a in &suite.summary.ablations {
        let figure = |e: &Option<Estimate>| e.as_ref().map_or_else(|| "–".into(), words);
        lines.push(format!(
            "{}: runs × {}, violations {} points more, {} scenes fewer kept",
            a.policy,
            figure(&a.runs_ratio),
            figure(&a.more_violations),
            a.scenes_lost
        ));
    }
    lines
}

/// For each other policy one sentence: how many times fewer runs, over how many sessions.
pub fn ratio_lines(rows: &[Row]) -> Vec<String> {
    let mut others: Vec<&str> = Vec::new();
    for r in rows {
        if r.policy != INBETWEEN && !others.contains(&r.policy.as_str()) {
            others.push(&r.policy);
        }
    }
    let sessions = rows.iter().filter(|r| r.policy == INBETWEEN).count();
    others
        .into_iter()
        .map(|other| match runs_ratio(rows, INBETWEEN, other) {
            Some((ratio, n)) => {
                format!("{ratio:.1} times fewer runs than {other} (geometric mean of the {n} of {sessions} sessions in which both keep the promise)")
            }
            None => format!("{other}: no session in which both keep the promise"),
        })
        .collect()
}

/// For each baseline one sentence: its violations beside the first row's, and the runs of both.
pub fn equal_runs_lines(rows: &[Row]) -> Vec<String> {
    let Some((first, others)) = rows.split_first() else { return Vec::new() };
    others
        .iter()
        .filter(|r| r.policy != "every-frame")
        .map(|r| {
            format!(
                "{} with {} runs violates {:.2}% of refreshes; {} with {} runs {:.2}%",
                r.policy,
                r.runs,
                r.violation_rate() * 100.0,
                first.policy,
                first.runs,
                first.violation_rate() * 100.0
            )
        })
        .collect()
}

/// Which clauses were violated, in one sentence; empty when none was.
pub fn faults_line(faults: &Faults) -> String {
    let counts = [
        (faults.off, "too far off"),
        (faults.missing, "missing"),
        (faults.identity, "of another identity"),
        (faults.ghost, "where nothing is"),
        (faults.unavailable, "unavailable"),
    ];
    let parts: Vec<String> =
        counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!("violations of inbetween, by answer: {}", parts.join(", "))
    }
}
