//! Tables of events: batch against stream, CSV against Parquet, planted leaks and skews, and a baseline that wins.

use std::{
    error::Error,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Parser as _;
use inbetween::{Answer, Bundle, Frame, Rung, Scorer, Timestamp};
use inbetween_bench::{
    cli::Cli,
    decisions::{
        leak, score, skew,
        table::{Cell, Features, Table},
    },
    execute,
};
use inbetween_card::Card;
use parquet::{
    data_type::{ByteArray, ByteArrayType, DoubleType},
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};

type Outcome = Result<(), Box<dyn Error>>;

fn risk() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/risk")
}

fn bundle() -> Result<Bundle, Box<dyn Error>> {
    Ok(score::open(&risk().join("bundle"))?)
}

/// A folder of this test run that nobody else writes to.
fn scratch(name: &str) -> Result<PathBuf, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("decisions").join(name);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Ten thousand payments: those of the example, then again, each without one of its features.
fn payments() -> Result<Table, Box<dyn Error>> {
    let mut table = Table::open(&risk().join("labelled.csv"))?;
    let events = Table::open(&risk().join("events.csv"))?;
    let places: Vec<Option<usize>> = table.columns.iter().map(|c| events.find(c)).collect();
    let cells =
        |row: &Vec<Cell>| places.iter().map(|p| p.map_or(Cell::Missing, |p| row[p].clone())).collect();
    table.rows.extend(events.rows.iter().map(cells));
    let whole = table.rows.len();
    for n in whole..10_000 {
        let mut row = table.rows[n - whole].clone();
        row[1 + n % 8] = Cell::Missing;
        table.rows.push(row);
    }
    Ok(table)
}

/// What must be the same everywhere.
fn bits(a: &Answer) -> (Option<u64>, Option<Rung>, u8, Option<u32>) {
    let d = a.decision;
    (
        d.map(|d| d.probability.to_bits()),
        d.map(|d| d.rung),
        a.variant,
        score::score_of(a, 1).map(f32::to_bits),
    )
}

#[test]
fn batch_and_stream_agree_bit_for_bit_on_ten_thousand_rows() -> Outcome {
    let (bundle, table) = (bundle()?, payments()?);
    let batch = score::rows(&bundle, &table)?;
    assert_eq!(batch.len(), 10_000);
    let features = Features::of(&bundle.card().model, &table)?;
    // The same events in another order and at other times, with others in between, one at a time.
    let mut stream = Scorer::unwatched(&bundle)?;
    let mut rungs = [0; 3];
    for k in 0..10_000_u64 {
        let i = (k * 7_919 % 10_000) as usize;
        let at = Timestamp::from_millis(5_000 + 37 * k);
        if k % 3 == 0 {
            stream.score(at, &Frame::features(at, &[]));
        }
        let answer = stream.score(at, &Frame::features(at, &features.row(&table.rows[i])));
        assert_eq!(bits(&answer), bits(&batch[i]), "row {i}");
        while stream.poll_event().is_some() {}
        match answer.decision.map(|d| d.rung) {
            Some(Rung::Model) => rungs[0] += 1,
            Some(Rung::SmallerVariant) => rungs[1] += 1,
            Some(Rung::Rule) => rungs[2] += 1,
            other => panic!("row {i} stands on {other:?}"),
        }
    }
    assert!(rungs.iter().all(|n| *n > 100), "{rungs:?}");
    Ok(())
}

/// Writes a table as Parquet: numbers as doubles, the country as text.
fn parquet(table: &Table, path: &Path) -> Outcome {
    let text = |name: &str| name == "country";
    let field = |name: &String| {
        let kind = if text(name) { ("binary", " (UTF8)") } else { ("double", "") };
        format!("optional {} {name}{};", kind.0, kind.1)
    };
    let schema: String = table.columns.iter().map(field).collect();
    let schema = Arc::new(parse_message_type(&format!("message payments {{ {schema} }}"))?);
    let properties = Arc::new(WriterProperties::builder().build());
    let mut file = SerializedFileWriter::new(File::create(path)?, schema, properties)?;
    let mut group = file.next_row_group()?;
    let mut at = 0;
    while let Some(mut column) = group.next_column()? {
        let cells = || table.rows.iter().map(|row| &row[at]);
        let there: Vec<i16> = cells().map(|c| i16::from(*c != Cell::Missing)).collect();
        if text(&table.columns[at]) {
            let values: Vec<ByteArray> =
                cells().filter(|c| **c != Cell::Missing).map(|c| c.text().as_str().into()).collect();
            column.typed::<ByteArrayType>().write_batch(&values, Some(&there), None)?;
        } else {
            let values: Vec<f64> = cells().filter_map(Cell::number).collect();
            column.typed::<DoubleType>().write_batch(&values, Some(&there), None)?;
        }
        column.close()?;
        at += 1;
    }
    group.close()?;
    file.close()?;
    Ok(())
}

#[test]
fn csv_and_parquet_give_the_same_file() -> Outcome {
    let folder = scratch("formats")?;
    let table = payments()?;
    let mut csv = csv::Writer::from_path(folder.join("payments.csv"))?;
    csv.write_record(&table.columns)?;
    for row in &table.rows {
        csv.write_record(row.iter().map(Cell::text))?;
    }
    csv.flush()?;
    parquet(&table, &folder.join("payments.parquet"))?;
    let mut written = Vec::new();
    for kind in ["csv", "parquet"] {
        let (input, output) =
            (folder.join(format!("payments.{kind}")), folder.join(format!("from-{kind}.csv")));
        run(&[
            "score",
            "--bundle",
            &word(&risk().join("bundle")),
            "--input",
            &word(&input),
            "--output",
            &word(&output),
        ])?;
        written.push(fs::read_to_string(output)?);
    }
    assert_eq!(written[0].lines().count(), 10_001);
    assert!(written[0] == written[1], "the same rows give the same bits");
    Ok(())
}

fn word(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn run(words: &[&str]) -> anyhow::Result<()> {
    execute(&Cli::try_parse_from([&["inbetween"], words].concat())?).map(|_| ())
}

/// The labelled payments with one more column, and the columns of `more` changed.
fn changed(change: impl Fn(usize, &mut Vec<Cell>), more: &[&str]) -> Result<Table, Box<dyn Error>> {
    let mut table = Table::open(&risk().join("labelled.csv"))?;
    table.columns.extend(more.iter().map(|c| (*c).to_owned()));
    for (i, row) in table.rows.iter_mut().enumerate() {
        row.resize(table.columns.len(), Cell::Missing);
        change(i, row);
    }
    Ok(table)
}

#[test]
fn a_feature_that_was_known_after_the_decision_is_a_leak() -> Outcome {
    let card = bundle()?.card().clone();
    // Known an hour before each event, but for two rows: after the 200 ms in which the decision is due.
    let table = changed(
        |i, row| {
            let time = row[0].number().unwrap_or(0.0);
            let late = if i == 41 || i == 99 { 201.0 + i as f64 } else { -3.6e6 };
            *row.last_mut().expect("a column") = Cell::Number(time + late);
        },
        &["merchant_risk.known_at"],
    )?;
    let leaks = leak::find(&card, &table, Some("time_ms"))?;
    assert_eq!(leaks.len(), 1);
    let words = leaks[0].to_string();
    assert!(
        words.contains("`merchant_risk` was known after the decision in 2 rows, first in row 42"),
        "{words}"
    );
    // Stamps are of no use without the time of the event; then only what the card says counts.
    assert_eq!(leak::find(&card, &table, None)?, []);
    let text = fs::read_to_string(risk().join("bundle/card.toml"))?;
    let late = text
        .replace("freshness_ms = 3_600_000, known_ms = -1000", "freshness_ms = 3_600_000, known_ms = 5000");
    assert_ne!(late, text);
    let leaks = leak::find(&Card::parse(&late)?, &table, None)?;
    assert!(leaks[0].to_string().contains("`merchant_risk` is known 5000 ms after the event"), "{leaks:?}");
    Ok(())
}

#[test]
fn a_leaking_table_is_not_scored() -> Outcome {
    let folder = scratch("leak")?;
    let text = "time_ms,amount,amount.known_at\n1000,5,1201\n";
    fs::write(folder.join("leak.csv"), text)?;
    let (input, output) = (word(&folder.join("leak.csv")), folder.join("scores.csv"));
    let bundle = word(&risk().join("bundle"));
    let words =
        ["score", "--bundle", &bundle, "--input", &input, "--output", &word(&output), "--time", "time_ms"];
    let error = run(&words).expect_err("a leak");
    assert!(error.to_string().contains("leak: `amount`"), "{error}");
    assert!(!output.exists());
    Ok(())
}

#[test]
fn a_feature_that_serving_computes_otherwise_is_a_skew() -> Outcome {
    let card = bundle()?.card().clone();
    let same = skew::compare(&card, &changed(|_, _| {}, &[])?)?;
    assert_eq!((same.skewed.as_slice(), same.undecided.as_slice(), same.agree), (&[][..], &[][..], 7));
    // Serving sends cents where training had euros.
    let cents = changed(|_, row| row[1] = Cell::Number(100.0 * row[1].number().unwrap_or(0.0)), &[])?;
    let skewed = skew::compare(&card, &cents)?.skewed;
    assert_eq!(skewed.len(), 1, "{skewed:?}");
    assert!(skewed[0].feature == "amount" && skewed[0].large, "{skewed:?}");
    // Too few rows say nothing.
    let few = Table { rows: cents.rows[..50].to_vec(), ..cents };
    assert_eq!(skew::compare(&card, &few)?.undecided.len(), 7);
    Ok(())
}

#[test]
fn the_candidate_beats_the_rule_and_a_better_rule_beats_the_candidate() -> Outcome {
    let folder = scratch("baseline")?;
    let (input, bundle) = (word(&risk().join("labelled.csv")), word(&risk().join("bundle")));
    let report = |rule: &str, input: &str| -> Result<serde_json::Value, Box<dyn Error>> {
        let json = word(&folder.join("report.json"));
        run(&[
            "baseline",
            "--bundle",
            &bundle,
            "--input",
            input,
            "--rule",
            rule,
            "--previous",
            "previous",
            "--slice",
            "country",
            "--json",
            &json,
        ])?;
        Ok(serde_json::from_str(&fs::read_to_string(json)?)?)
    };
    let found = report("rule", &input)?;
    let sentence = found["sentences"][0].as_str().ok_or("a sentence")?;
    assert!(sentence.starts_with("the candidate beats the rule"), "{sentence}");
    assert!(found["slices"].as_array().is_some_and(|s| s.len() == 5), "all and four countries");
    // A rule that knows the truth, and one that is as good as the candidate because it is the candidate.
    let found = report("label", &input)?;
    let sentence = found["sentences"][0].as_str().ok_or("a sentence")?;
    assert!(sentence.starts_with("the rule wins"), "{sentence}");
    let found = report(&bundle, &input)?;
    let sentence = found["sentences"][0].as_str().ok_or("a sentence")?;
    assert!(
        sentence.contains("not shown to beat the rule") && sentence.contains("Keep the simpler"),
        "{sentence}"
    );
    Ok(())
}

#[test]
fn the_sections_that_commands_write_make_a_card_again() -> Outcome {
    let folder = scratch("card")?;
    for file in ["card.toml", "risk.onnx", "risk-small.onnx"] {
        fs::copy(risk().join("bundle").join(file), folder.join(file))?;
    }
    let (input, dir) = (word(&risk().join("labelled.csv")), word(&folder));
    let scores = word(&folder.join("scores.csv"));
    run(&["score", "--bundle", &dir, "--input", &input, "--output", &scores, "--keep", "label,fits"])?;
    let card = word(&folder.join("card.toml"));
    run(&["calibrate", "--scores", &scores, "--card", &card])?;
    run(&["baseline", "--bundle", &dir, "--input", &input, "--rule", "rule", "--write"])?;
    let text = fs::read_to_string(folder.join("card.toml"))?;
    let written = Card::parse(&text)?;
    assert_eq!(written.baseline.as_ref().and_then(inbetween_card::Baseline::beaten), Some(true));
    assert!(written.model.calibrator.is_some());
    assert_eq!(text.lines().filter(|line| *line == "[baseline]").count(), 1);
    Ok(())
}
