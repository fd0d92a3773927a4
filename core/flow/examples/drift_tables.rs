//! False alarms and power of the live monitor's tests, in tables: `cargo run --release -p inbetween-flow --example drift_tables`.
//! **Invariant:** seeds are fixed, so that the tables are the same on every machine.
//! It does not hold the figures to bounds: `tests/statistics` does, on fewer windows.
#![allow(clippy::print_stdout)] // that is what it is for

#[path = "../tests/statistics/rates.rs"]
mod rates;

use inbetween_flow::monitor::FALSE_ALARM;
use rates::{AS_LEARNT, World, alarms, alike, correlated, shares, span};

fn main() {
    inputs();
    outcomes();
}

fn inputs() {
    println!("no drift: sessions, windows, share that alarms (nominal {FALSE_ALARM})");
    for (sessions, windows) in [
        (50, 10_000),
        (100, 10_000),
        (200, 10_000),
        (500, 10_000),
        (2_000, 5_000),
        (5_000, 4_000),
        (20_000, 2_000),
    ] {
        println!("{sessions:6} {windows:6} {:.4}", alarms(windows, sessions, 0.0));
    }
    println!("AR(1) without drift, 60 frames a session: phi, sessions, share that alarms");
    for phi in [0.5, 0.9, 0.95, 0.98, 0.99] {
        for (sessions, windows) in [(50, 2_000), (200, 2_000), (1_000, 1_000)] {
            println!("{phi} {sessions:5} {:.4}", correlated(windows, sessions, 60, phi, span(60)));
        }
    }
    println!("AR(1) moved by 0.5 deviations, 60 frames a session: phi, sessions, share that alarms");
    for phi in [0.9, 0.98] {
        for (sessions, windows) in [(200, 500), (500, 500)] {
            println!("{phi} {sessions:5} {:.4}", alike(windows, sessions, 60, phi, span(60), 0.5));
        }
    }
    println!("shift in deviations, sessions, share that alarms");
    for shift in [0.1, 0.2, 0.3, 0.5] {
        for sessions in [100, 200, 500, 2_000] {
            println!("{shift} {sessions:5} {:.4}", alarms(2_000, sessions, shift));
        }
    }
}

fn outcomes() {
    println!("events, world: shares called data, prediction and concept drift; error less estimate");
    let worlds = [
        ("as learnt", AS_LEARNT),
        ("inputs + 0.3", World { shift: 0.3, ..AS_LEARNT }),
        ("inputs + 0.8", World { shift: 0.8, ..AS_LEARNT }),
        ("slope 0.7", World { slope: 0.7, ..AS_LEARNT }),
        ("slope 0.2", World { slope: 0.2, ..AS_LEARNT }),
        ("offset + 0.7", World { offset: 0.4, ..AS_LEARNT }),
        ("both", World { shift: 0.8, slope: 0.2, ..AS_LEARNT }),
    ];
    for (name, world) in worlds {
        for events in [200, 500, 2_000] {
            let ([data, prediction, concept], off) = shares(world, events, 1_000);
            println!("{events:5} {name:12} {data:.3} {prediction:.3} {concept:.3}  {off:+.4}");
        }
    }
}
