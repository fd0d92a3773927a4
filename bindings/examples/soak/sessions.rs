//! Opens and closes sessions, each with a run, and looks at what is left.
//! **Invariant:** after any number of sessions as many bytes are live as after the first few.
//! It does not tell the allocator's own caches from a leak by the resident size: live bytes do.

use std::{sync::Arc, thread};

use inbetween_ffi::{FramePlan, SdkError, Session};

use crate::{
    Failure, memory,
    spot::{CARD, MODEL, geometry, picture},
};

/// Sessions until lazily made tables, thread pools and caches are there.
const WARM: u64 = 50;
/// What may be live more at the end than after the warm-up, however many sessions there were: less than a hundredth of one.
const SLACK: i64 = 16 * 1024;
/// The resident size may grow by so much, for the allocator's own keeping.
const RESIDENT_SLACK: u64 = 8 * 1024 * 1024;

/// What is left after the sessions.
#[derive(Debug)]
pub struct Report {
    /// Live bytes after the warm-up, at the quarters, at the end.
    pub live: Vec<i64>,
    /// Resident bytes at the same times.
    pub resident: Vec<u64>,
}

/// Opens and closes so many, and fails when anything is left.
pub fn print(count: u64) -> Result<(), Failure> {
    let report = run(count)?;
    println!("{:>10} {:>14} {:>14}", "sessions", "live KiB", "resident KiB");
    for (i, live) in report.live.iter().enumerate() {
        let resident = report.resident.get(i).map_or("-".to_owned(), |r| (r / 1024).to_string());
        println!("{:>10} {:>14} {resident:>14}", count * i as u64 / 4, live / 1024);
    }
    println!(
        "{}",
        serde_json::json!({ "sessions": count, "live": report.live, "resident": report.resident })
    );
    report.check()
}

impl Report {
    fn check(&self) -> Result<(), Failure> {
        let grown = self.live[self.live.len() - 1] - self.live[0];
        if grown > SLACK {
            return Err(format!("{grown} bytes more are live at the end than at the start").into());
        }
        if let [first, .., last] = self.resident[..]
            && last > first + RESIDENT_SLACK
        {
            return Err(format!("the resident size grew from {first} to {last}").into());
        }
        Ok(())
    }
}

fn run(count: u64) -> Result<Report, Failure> {
    let pixels = picture();
    for n in 0..WARM {
        one(n, &pixels)?;
    }
    let mut report =
        Report { live: vec![memory::live()], resident: memory::resident().into_iter().collect() };
    for quarter in 0..4 {
        for n in count * quarter / 4..count * (quarter + 1) / 4 {
            one(n, &pixels)?;
        }
        report.live.push(memory::live());
        report.resident.extend(memory::resident());
    }
    Ok(report)
}

/// A session that has run its model, closed in one of the ways that apps do.
fn one(n: u64, pixels: &[u8]) -> Result<(), Failure> {
    let session = Session::new(CARD, MODEL, n)?;
    let plan = session.handle_frame(2_000_000, 0, &geometry(), pixels)?;
    let FramePlan::Run { ticket, .. } = plan else { return Err("the first frame is run".into()) };
    match n % 4 {
        // Dropped with a run that nobody made.
        0 => {}
        // Shut down while references remain.
        1 => {
            session.run(ticket)?;
            session.handle_completion(20_000_000, ticket)?;
            session.answer_at(30_000_000)?;
            let other = Arc::clone(&session);
            session.shutdown()?;
            refused(&other)?;
        }
        // Shut down during a run.
        2 => {
            let other = Arc::clone(&session);
            let worker = thread::spawn(move || other.run(ticket));
            session.shutdown()?;
            match worker.join().map_err(|_| "a run panicked")? {
                Ok(_) | Err(SdkError::ShutDown) => {}
                Err(other) => return Err(other.into()),
            }
            refused(&session)?;
        }
        // With a number of the fast path, dropped without a word.
        _ => {
            Arc::clone(&session).fast_id();
        }
    }
    Ok(())
}

/// Every call after the end is refused as such.
fn refused(session: &Session) -> Result<(), Failure> {
    let calls = [
        session.answer_at(0).map(drop),
        session.handle_completion(0, 1).map(drop),
        session.run(1).map(drop),
        session.reset(),
        session.poll_event().map(drop),
    ];
    if calls.iter().all(|c| *c == Err(SdkError::ShutDown)) {
        Ok(())
    } else {
        Err(format!("calls after the shutdown gave {calls:?}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_leave_nothing() {
        let _turn = crate::TURN.lock();
        let report = run(1_000).expect("they run");
        report.check().unwrap_or_else(|e| panic!("{e}: {report:?}"));
    }

    #[test]
    fn a_leak_of_a_few_bytes_a_session_shows() {
        let (live, resident) = (vec![0, 5_000, 10_000, 15_000, 20_000], Vec::new());
        assert!(Report { live, resident }.check().is_err());
    }
}
