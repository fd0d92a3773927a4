//! What a piece of work can be measured in: time on the wall and on a processor, counters of the processor, modelled energy.
//! **Invariant:** what a reading itself takes is subtracted; a counter that the kernel does not give is named, not guessed.
//! It does not run anything.

use std::{cell::RefCell, rc::Rc, time::Instant};

use cpu_time::ThreadTime;
use criterion::{
    Throughput,
    measurement::{Measurement, ValueFormatter},
};
use inbetween_bench::energy::{self, Counts, Profiles};

/// Readings by which the price of a reading is found; the middle one is taken.
const CALIBRATION: usize = 1001;
/// Bytes of a cache line that is filled anew.
const LINE_BYTES: f64 = 64.0;
/// Criterion has no use for nothing.
const LEAST: f64 = 1e-12;

/// A quantity that rises while work is done.
#[derive(Clone)]
pub struct Reading {
    /// Its name, the first part of a row's.
    pub name: String,
    unit: &'static str,
    /// From what is read to the unit.
    scale: f64,
    read: Rc<dyn Fn() -> f64>,
    /// What two readings are apart with nothing between them.
    price: f64,
}

impl Reading {
    fn new(name: impl Into<String>, unit: &'static str, scale: f64, read: Rc<dyn Fn() -> f64>) -> Self {
        let mut apart: Vec<f64> = (0..CALIBRATION)
            .map(|_| {
                let start = read();
                read() - start
            })
            .collect();
        apart.sort_by(f64::total_cmp);
        Self { name: name.into(), unit, scale, read, price: apart[CALIBRATION / 2] }
    }

    /// All that this machine gives, and what it does not give with the reason.
    ///
    /// # Errors
    /// When the profiles of the energy model cannot be read.
    pub fn all() -> anyhow::Result<(Vec<Self>, Vec<String>)> {
        let (origin, cpu) = (Instant::now(), cpu());
        let mut readings = vec![
            Self::new("wall", "µs", 1e6, Rc::new(move || origin.elapsed().as_secs_f64())),
            Self::new("cpu", "µs CPU", 1e6, cpu.clone()),
        ];
        let mut missing = Vec::new();
        let mut counter = |name: &str, unit: &'static str| match counters::open(name) {
            Ok(counter) => {
                let counter = RefCell::new(counter);
                let read: Rc<dyn Fn() -> f64> = Rc::new(move || counters::read(&mut counter.borrow_mut()));
                readings.push(Self::new(name, unit, 1.0, read.clone()));
                Some(read)
            }
            Err(why) => {
                missing.push(format!("no counter of {name}: {why}"));
                None
            }
        };
        counter("instructions", "instructions");
        let refills = counter("refills", "cache lines");
        for profile in Profiles::shipped()?.profiles {
            let (cpu, refills) = (cpu.clone(), refills.clone());
            let name = format!("energy/{}", profile.name);
            // Once for each profile, in a tool that ends.
            let unit = String::leak(format!("{} µJ", energy::word()));
            let read = move || {
                let bytes = refills.as_ref().map_or(0.0, |lines| lines() * LINE_BYTES);
                profile.energy(&Counts { cpu_s: cpu(), bytes, ..Counts::default() }).0
            };
            readings.push(Self::new(name, unit, 1e6, Rc::new(read)));
        }
        Ok((readings, missing))
    }

    /// What `work` takes.
    pub fn of(&self, work: &mut dyn FnMut()) -> f64 {
        let start = self.start();
        work();
        self.end(start)
    }
}

/// Seconds of this thread on a processor.
fn cpu() -> Rc<dyn Fn() -> f64> {
    let origin = ThreadTime::now();
    Rc::new(move || origin.elapsed().as_secs_f64())
}

impl Measurement for Reading {
    type Intermediate = f64;
    type Value = f64;

    fn start(&self) -> f64 {
        (self.read)()
    }

    fn end(&self, start: f64) -> f64 {
        ((self.read)() - start - self.price).max(LEAST)
    }

    fn add(&self, a: &f64, b: &f64) -> f64 {
        a + b
    }

    fn zero(&self) -> f64 {
        0.0
    }

    fn to_f64(&self, value: &f64) -> f64 {
        *value
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self
    }
}

impl ValueFormatter for Reading {
    fn scale_values(&self, _: f64, values: &mut [f64]) -> &'static str {
        // One unit, always: rows are compared with each other.
        for value in values {
            *value *= self.scale;
        }
        self.unit
    }

    fn scale_throughputs(&self, _: f64, throughput: &Throughput, values: &mut [f64]) -> &'static str {
        if let Throughput::Elements(frames) = throughput {
            for value in values {
                *value = *frames as f64 / *value;
            }
        }
        "frames/s"
    }

    fn scale_for_machines(&self, values: &mut [f64]) -> &'static str {
        self.scale_values(0.0, values)
    }
}

/// Counters of the processor for this thread outside of the kernel.
#[cfg(target_os = "linux")]
mod counters {
    use std::io;

    use perf_event::{
        Builder, Counter,
        events::{Cache, CacheId, CacheOp, CacheResult, Hardware},
    };

    pub fn open(name: &str) -> io::Result<Counter> {
        let mut counter = match name {
            "instructions" => Builder::new(Hardware::INSTRUCTIONS).build(),
            _ => Builder::new(Cache {
                which: CacheId::L1D,
                operation: CacheOp::READ,
                result: CacheResult::MISS,
            })
            .build(),
        }?;
        counter.enable()?;
        Ok(counter)
    }

    /// NaN shows in a row that the counter was taken away.
    pub fn read(counter: &mut Counter) -> f64 {
        counter.read().map_or(f64::NAN, |n| n as f64)
    }
}

#[cfg(not(target_os = "linux"))]
mod counters {
    pub enum Counter {}

    pub fn open(_: &str) -> Result<Counter, &'static str> {
        Err("only Linux has an interface for them")
    }

    pub fn read(counter: &mut Counter) -> f64 {
        match *counter {}
    }
}
