//! `inbetween energy collect`: saved outputs of phones and Macs, and a device behind an `adb` that is a script.
//! **Invariant:** what comes out is a log that `energy read` takes; what breaks the protocol is refused, with what to do.
//! It does not need a device. The outputs in `energy/` are written after the documentation of the tools (README.md there).
#![allow(clippy::unwrap_used, missing_docs)] // helpers of tests may fail as tests do
#![cfg(unix)]

mod common;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use inbetween_bench::energy::{
    collect::{
        android::{Snapshot, run},
        apple,
    },
    log::{Meter, Run, read},
};

fn saved(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/energy").join(name)
}

fn saved_text(name: &str) -> String {
    String::from_utf8_lossy(&fs::read(saved(name)).unwrap()).into_owned()
}

/// Exit code 0, and what was printed, or the error.
fn inbetween(arguments: &[&str], path: Option<&Path>) -> Result<String, String> {
    let mut command = common::inbetween();
    if let Some(path) = path {
        command.env("PATH", format!("{}:/usr/bin:/bin", path.display()));
    }
    let output = command.arg("energy").args(arguments).output().unwrap();
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!error.contains("panicked"), "{error}");
    if output.status.success() { Ok(out.into_owned()) } else { Err(error.into_owned()) }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9 * b.abs().max(1.0)
}

fn snapshots(kind: &str) -> (Snapshot, Snapshot) {
    let one = |when| Snapshot::parse(&saved_text(&format!("android-{kind}-{when}.txt"))).unwrap();
    (one("before"), one("after"))
}

#[test]
fn rails_of_a_phone_become_joules() {
    for kind in ["rails", "dump"] {
        let (before, after) = snapshots(kind);
        let all = run(&before, &after, &[]).unwrap();
        // Cores, accelerator and memory; not the modem.
        assert!(near(all.joules, 9.5 + 2.1 + 1.4 + 0.12 + 1.88), "{kind}: {all:?}");
        assert_eq!((all.seconds, all.temperature_c, all.meter), (12.5, 43.7, Meter::AndroidPowerMonitor));
        // 200 ticks at 500 MHz and 1000 at 2802; the smaller cores have 100 at 300 and 1150 at 1803.
        assert!(near(all.mhz, (200.0 * 500.0 + 1000.0 * 2802.0) / 1200.0), "{}", all.mhz);
        let modem = run(&before, &after, &["MODEM".to_owned()]).unwrap();
        assert!(near(modem.joules, 9.0));
        let none = run(&before, &after, &["DISPLAY".to_owned()]).unwrap_err().to_string();
        assert!(none.contains("S1M_VDD_MIF"), "{none}");
        let back =
            run(&Snapshot::parse(&saved_text(&format!("android-{kind}-after.txt"))).unwrap(), &before, &[]);
        assert!(back.unwrap_err().to_string().contains("restarted"));
    }
}

#[test]
fn a_battery_is_charge_times_voltage() {
    let (before, after) = snapshots("battery");
    let run_of = run(&before, &after, &[]).unwrap();
    // 6 mAh at 4.000 V.
    assert!(near(run_of.joules, 0.006 * 3600.0 * 4.0), "{run_of:?}");
    assert_eq!((run_of.meter, run_of.seconds), (Meter::AndroidBattery, 180.0));
    let broken = |from: &str, to: &str| {
        let text = saved_text("android-battery-after.txt").replace(from, to);
        run(&before, &Snapshot::parse(&text).unwrap(), &[]).unwrap_err().to_string()
    };
    assert!(broken("USB powered: false", "USB powered: true").contains("unplug"));
    assert!(broken("counter: 3450000", "counter: 3456000").contains("coarse"));
    assert!(broken("Charge counter", "Charge").contains("neither"));
    let still =
        saved_text("android-battery-before.txt").replace("3600.00", "3780.00").replace("3456000", "3450000");
    assert!(
        run(&before, &Snapshot::parse(&still).unwrap(), &[])
            .unwrap_err()
            .to_string()
            .contains("no frequencies")
    );
    assert!(Snapshot::parse("").unwrap_err().to_string().contains("energy script"));
}

#[test]
fn powermetrics_becomes_joules_in_both_formats() {
    let text = saved_text("powermetrics.txt");
    let of_text = apple::run(&text, None).unwrap();
    let milliwatts: f64 = (0..12).map(|i| f64::from(4120 + 10 * i)).sum();
    assert!(near(of_text.joules, milliwatts * 1e-3 * 1.003_24), "{of_text:?}");
    assert!(near(of_text.seconds, 12.0 * 1.003_24) && near(of_text.mhz, 3180.0));
    assert!(near(of_text.temperature_c, 30.55) && of_text.meter == Meter::Apple);
    let list = saved_text("powermetrics.plist");
    let of_list = apple::run(&list, Some(31.0)).unwrap();
    assert!(near(of_list.joules, 12.0 * 4.12 * 1.004_812_083), "{of_list:?}");
    assert!(near(of_list.mhz, 3180.0) && of_list.temperature_c == 31.0);

    let fails = |text: &str, temperature| apple::run(text, temperature).unwrap_err().to_string();
    assert!(fails(&list, None).contains("--temperature-c"));
    assert!(fails("", None).contains("powermetrics --samplers"));
    assert!(fails(&text.replace("level: Nominal", "level: Heavy"), None).contains("Heavy"));
    assert!(fails(&list.replace("<string>Nominal", "<string>Serious"), Some(30.0)).contains("Serious"));
    assert!(fails(&text.replace("Power", "Force"), None).contains("cpu_power"));
}

#[test]
fn saved_runs_make_a_log_that_can_be_read() {
    let folder = common::folder("saved_runs_make_a_log_that_can_be_read");
    let log = folder.join("log.jsonl");
    let (log_text, after, before) =
        (log.to_str().unwrap(), saved("android-rails-after.txt"), saved("android-rails-before.txt"));
    let common = [
        "collect",
        "android",
        "--log",
        log_text,
        "--from",
        before.to_str().unwrap(),
        after.to_str().unwrap(),
    ];
    for _ in 0..5 {
        inbetween(&[&common[..], &["--workload", "demo", "--iterations", "100"]].concat(), None).unwrap();
    }
    let refused = inbetween(&["read", log_text], None).unwrap_err();
    assert!(refused.contains("runs of `idle`: 5 at least"), "{refused}");
    let missing = inbetween(&[&common[..], &["--workload", "demo"]].concat(), None).unwrap_err();
    assert!(missing.contains("--iterations"), "{missing}");

    let short = folder.join("short.txt");
    fs::write(&short, saved_text("android-rails-after.txt").replace("3613.00", "3609.00")).unwrap();
    let arguments =
        ["collect", "android", "--log", log_text, "--workload", "demo", "--iterations", "9", "--from"];
    let refused =
        inbetween(&[&arguments[..], &[before.to_str().unwrap(), short.to_str().unwrap()]].concat(), None);
    assert!(refused.unwrap_err().contains("10 s at least"));
    assert_eq!(read(&fs::read_to_string(&log).unwrap()).unwrap().len(), 5, "refused runs are not in the log");

    let mac = folder.join("mac.jsonl");
    let file = saved("powermetrics.txt");
    let arguments = ["collect", "apple", "--log", mac.to_str().unwrap(), "--workload", "idle", "--from"];
    let said = inbetween(&[&arguments[..], &[file.to_str().unwrap(); 5]].concat(), None).unwrap();
    assert!(said.contains("3180 MHz, 30.6 °C") || said.contains("3180 MHz, 30.5 °C"), "{said}");
    let runs: Vec<Run> = read(&fs::read_to_string(&mac).unwrap()).unwrap();
    assert!(runs.len() == 5 && runs.iter().all(|r| r.workload == "idle"));
}

/// A device whose time goes on by what a command takes: 4 s for one that works, at 3 W, and its seconds for `sleep`, at 1 W.
const ADB: &str = r#"#!/bin/sh
[ "$1" = -s ] && { [ "$2" = phone ] || { echo "adb: device '$2' not found" >&2; exit 1; }; shift 2; }
[ "$1" = shell ] || exit 9
state=$(dirname "$0")/state
[ -f "$state" ] || echo "1000 5000000" > "$state"
read -r seconds energy < "$state"
case "$2" in
"cat /proc/uptime") echo "$seconds.00 1.00" ;;
"sleep "*) n=${2#sleep }; echo "$((seconds + n)) $((energy + n * 1000000))" > "$state" ;;
"am instrument"*) echo "$((seconds + 4)) $((energy + 12000000))" > "$state" ;;
*energy_value*)
    echo "== uptime"; echo "$seconds.00 1.00"
    echo "== rails"; echo "CH0(T=1)[S4M_VDD_CPUCL0], $energy"; echo "CH1(T=1)[VSYS_PWR_MODEM], 7"
    echo "== battery"; echo "  temperature: 305"
    echo "== frequency /sys/devices/system/cpu/cpufreq/policy0"; echo "1800000 $((seconds * 100))" ;;
*) echo "sh: $2: not found" >&2; exit 127 ;;
esac
"#;

#[test]
fn a_device_is_driven_over_adb() {
    let folder = common::folder("a_device_is_driven_over_adb");
    let adb = folder.join("adb");
    fs::write(&adb, ADB).unwrap();
    fs::set_permissions(&adb, fs::Permissions::from_mode(0o755)).unwrap();
    let log = folder.join("log.jsonl");
    let collect = |more: &[&str]| {
        let common = ["collect", "android", "--log", log.to_str().unwrap()];
        inbetween(&[&common[..], more].concat(), Some(&folder))
    };
    collect(&["--serial", "phone", "--workload", "idle"]).unwrap();
    collect(&["--serial", "phone", "--workload", "demo", "--", "am", "instrument", "-w", "demo"]).unwrap();
    let runs = read(&fs::read_to_string(&log).unwrap()).unwrap();
    assert_eq!(runs.len(), 10);
    assert_eq!((runs[0].seconds, runs[0].joules, runs[0].iterations), (12.0, 12.0, 0));
    assert_eq!((runs[9].seconds, runs[9].joules, runs[9].iterations), (12.0, 36.0, 3));
    assert_eq!((runs[9].mhz, runs[9].temperature_c), (1800.0, 30.5));
    let said = inbetween(&["read", log.to_str().unwrap()], None).unwrap();
    assert!(said.contains("demo: 8.0000e0 J an iteration"), "3 W less 1 W for 4 s: {said}");

    let fails = |more: &[&str], part: &str| {
        let error = collect(more).unwrap_err();
        assert!(error.contains(part), "`{part}` is not in: {error}");
    };
    fails(&["--serial", "tablet", "--workload", "idle"], "device 'tablet' not found");
    fails(&["--workload", "demo", "--", "nothing"], "not found");
    fails(&["--workload", "demo"], "takes one after");
    fails(&["--workload", "idle", "--seconds", "5"], "10 s at least");
    fails(&["--workload", "idle", "--runs", "3"], "5 runs at least");
    assert_eq!(read(&fs::read_to_string(&log).unwrap()).unwrap().len(), 10, "failures add nothing");
    let nowhere = common::inbetween()
        .args(["energy", "collect", "android", "--log", log.to_str().unwrap(), "--workload", "idle"])
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("platform tools"));
}
