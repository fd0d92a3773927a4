//! Simulated devices: each runs the live monitor of the SDK for an hour and tells the counts of its one full window.
//! **Invariant:** the same count and seed give the same files, bit for bit; what is told are counts of bins, never a value.
//! It does not merge anything for the page: `fleet.sql` does. Its own sums are the truth that a test compares with.
//!
//! `cargo run --release -p inbetween-flow --example fleet_devices -- DEVICES SEED PARTS FOLDER`
#![allow(clippy::print_stdout)] // a program that reports

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fmt::Write as _,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
    time::Duration,
};

use inbetween_flow::{
    Feature, FeatureValue, FeatureWatch, Frame, MonitorConfig, PredictionId, Session, SliceWatch, Timestamp,
    Truth, Value,
    monitor::{Histogram, Live, Window, psi},
};

/// Deciles of the standard normal distribution, rounded.
const DECILES: [f64; 9] = [-1.2816, -0.8416, -0.5244, -0.2533, 0.0, 0.2533, 0.5244, 0.8416, 1.2816];
const REGIONS: [&str; 4] = ["AT", "DE", "FR", "other"];
/// Events that the reference is counted over.
const REFERENCE: usize = 1_000_000;

/// Rows: version, metric, bucket.
type Key = (u32, &'static str, i32);

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [devices, seed, parts, folder] = args.as_slice() else {
        return Err("give: DEVICES SEED PARTS FOLDER".into());
    };
    let (devices, seed, parts): (u64, u64, u64) = (devices.parse()?, seed.parse()?, parts.parse()?);
    let folder = Path::new(folder);
    fs::create_dir_all(folder)?;

    let config = config(&mut Draws::new(seed ^ 0x5EED));
    let mut files = (0..parts.max(1))
        .map(|i| Ok(BufWriter::new(File::create(folder.join(format!("part-{i:02}.csv")))?)))
        .collect::<Result<Vec<_>, std::io::Error>>()?;
    for file in &mut files {
        writeln!(file, "device,version,metric,bucket,n")?;
    }
    let mut truth = BTreeMap::<Key, u64>::new();
    let mut text = String::new();
    for device in 0..devices {
        let mut draws = Draws::new(seed.wrapping_add(device.wrapping_mul(0x9E37_79B9)));
        let (version, live) = simulate(device, &config, &mut draws);
        let window = live.full_window().ok_or("the window is over")?;
        let instance = draws.next(); // a random name, drawn anew for each snapshot
        text.clear();
        told(window, |metric, bucket, n| {
            let _ = writeln!(text, "{instance:016x},{version},{metric},{bucket},{n}");
            *truth.entry((version, metric, bucket)).or_default() += u64::from(n);
        });
        let part = usize::try_from(device % parts.max(1))?;
        files[part].write_all(text.as_bytes())?;
    }
    for mut file in files {
        file.flush()?;
    }
    write_truth(folder, &config, &truth)?;
    println!("{devices} devices in {parts} parts, {} sums", truth.len());
    Ok(())
}

fn config(draws: &mut Draws) -> MonitorConfig {
    let plain = MonitorConfig::default();
    let (mut amount, mut scores) = ([0_u32; 10], [0_u32; 10]);
    for _ in 0..REFERENCE {
        let x = draws.normal();
        amount[DECILES.iter().filter(|e| x > **e).count()] += 1;
        let p = f64::from(model(x));
        scores[plain.score_edges.iter().filter(|e| p > **e).count()] += 1;
    }
    MonitorConfig {
        session: Session::Event,
        features: vec![FeatureWatch {
            name: "amount".to_owned(),
            edges: DECILES.to_vec(),
            reference: amount.to_vec(),
        }],
        score_reference: scores.to_vec(),
        positive_class: Some(1),
        slices: vec![SliceWatch {
            name: "region".to_owned(),
            values: REGIONS[..3].iter().map(|r| (*r).to_owned()).collect(),
        }],
        ..plain
    }
}

/// What the model on the devices says of an amount.
fn model(x: f64) -> f32 {
    (1.0 / (1.0 + (0.3 - 1.5 * x).exp())) as f32
}

/// An hour on one device. Three things are planted: version 2 sees other amounts, in one region the outcomes have come to
/// mean something else, and one device in fifty is slow.
fn simulate(device: u64, config: &MonitorConfig, draws: &mut Draws) -> (u32, Box<Live>) {
    let version = if device.is_multiple_of(10) { 2 } else { 1 };
    let region = REGIONS[(draws.unit() * 4.0) as usize % 4];
    let slow = if draws.unit() < 0.02 { 4.0 } else { 1.0 };
    let events = 4 + (draws.unit() * 17.0) as u64;
    let mut live =
        Live::new(config.clone(), device).unwrap_or_else(|e| unreachable!("a fixed configuration: {e}"));
    live.tick(Timestamp::ZERO, |_| {});
    for n in 0..events {
        let now = Timestamp::from_millis(1_000 + n * 150_000);
        let x = draws.normal() + if version == 2 { 0.5 } else { 0.0 };
        let features = [
            Feature { name: "amount", value: FeatureValue::Number(x) },
            Feature { name: "region", value: FeatureValue::Category(region) },
        ];
        live.tick(now, |_| {});
        live.frame(now, &Frame::features(now, &features));
        // Log-normal around 12 ms.
        live.ran(None, Duration::from_secs_f64(0.012 * slow * (0.35 * draws.normal()).exp()));
        let p = model(x);
        live.predicted(now, PredictionId(n), live.mask(), &Value::Probabilities(vec![1.0 - p, p]), None);
        let slope = if region == "DE" { 0.2 } else { 1.5 };
        let positive = draws.unit() < 1.0 / (1.0 + (0.3 - slope * x).exp());
        live.label(now, PredictionId(n), Truth::Class(u32::from(positive)), (1.0, 0.1));
    }
    live.tick(Timestamp::ZERO + Duration::from_hours(1), |_| {});
    (version, live)
}

/// The counts of a window that are not nought: metric, bucket, count.
fn told(window: &Window, mut tell: impl FnMut(&'static str, i32, u32)) {
    let mut row = |metric, bucket, n| {
        if n > 0 {
            tell(metric, bucket, n);
        }
    };
    let outcomes = &window.outcomes;
    row("snapshots", 0, 1);
    row("frames", 0, window.frames);
    row("labels", 0, outcomes.labelled);
    row("wrong", 0, outcomes.wrong);
    for (i, n) in window.timings[0].counts().iter().enumerate() {
        row("latency", Histogram::OFFSET + i as i32, *n);
    }
    for (i, n) in window.features[0].sessions.counts().iter().enumerate() {
        row("amount", i as i32, *n);
    }
    for (i, n) in window.scores.sessions.counts().iter().enumerate() {
        row("score", i as i32, *n);
    }
    for (i, r) in outcomes.reliability.iter().enumerate() {
        row("reliability_labels", i as i32, r.count);
        row("reliability_happened", i as i32, r.happened);
    }
    for (i, cell) in window.cells[..3].iter().chain(window.cells.last()).enumerate() {
        row("region_events", i as i32, cell.events);
        row("region_labels", i as i32, cell.labelled);
        row("region_wrong", i as i32, cell.wrong);
    }
}

/// Sums, references, names of buckets, and the index of each version as the SDK computes it.
fn write_truth(
    folder: &Path,
    config: &MonitorConfig,
    truth: &BTreeMap<Key, u64>,
) -> Result<(), Box<dyn Error>> {
    let mut sums = String::from("version,metric,bucket,n\n");
    for ((version, metric, bucket), n) in truth {
        writeln!(sums, "{version},{metric},{bucket},{n}")?;
    }
    fs::write(folder.join("truth.csv"), sums)?;
    let watched = [("amount", &config.features[0].reference), ("score", &config.score_reference)];
    let mut reference = String::from("metric,bucket,n\n");
    let mut indices = String::from("version,metric,psi\n");
    for (metric, counts) in watched {
        for (bucket, n) in counts.iter().enumerate() {
            writeln!(reference, "{metric},{bucket},{n}")?;
        }
        for version in [1, 2] {
            let count = |b: usize| truth.get(&(version, metric, b as i32)).copied().unwrap_or(0);
            let live: Vec<u32> =
                (0..counts.len()).map(|b| u32::try_from(count(b))).collect::<Result<_, _>>()?;
            writeln!(indices, "{version},{metric},{}", psi(&live, counts))?;
        }
    }
    fs::write(folder.join("reference.csv"), reference)?;
    fs::write(folder.join("psi.csv"), indices)?;
    let cells: String = REGIONS
        .iter()
        .enumerate()
        .fold("bucket,region\n".to_owned(), |text, (i, region)| format!("{text}{i},{region}\n"));
    fs::write(folder.join("regions.csv"), cells)?;
    Ok(())
}

/// Seeded draws (xorshift64*, Box–Muller).
struct Draws(u64);

impl Draws {
    fn new(seed: u64) -> Self {
        // SplitMix64's finaliser, so that neighbouring seeds have nothing in common.
        let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        Self((z ^ z >> 31) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.unit(), self.unit());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }
}
