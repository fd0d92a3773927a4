//! The runs of a session, by ticket, from the plan of a frame to their completion.
//! **Invariant:** a run is taken once and completed once; what the engine no longer waits for is not kept.
//! It does not run anything and holds no lock: the session does.

use inbetween::{CancelToken, Completion, Outcome, PreparedJob, Ticket, TicketId, Timestamp};

use crate::error::SdkError;

/// Where a run is.
#[derive(Debug)]
enum Stage {
    Prepared(Box<PreparedJob>),
    Running,
    Ended(Completion),
}

#[derive(Debug)]
struct Slot {
    ticket: Ticket,
    cancel: CancelToken,
    stage: Stage,
}

/// Runs that have not been completed; as many as the card allows in flight, and few that expired.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    slots: Vec<Slot>,
    /// The newest ticket that was given out: tickets count up.
    newest: u64,
}

impl Jobs {
    /// Keeps a run until it is taken.
    pub(crate) fn add(&mut self, job: PreparedJob, cancel: CancelToken) {
        let ticket = *job.ticket();
        self.newest = self.newest.max(ticket.id.0);
        self.slots.push(Slot { ticket, cancel, stage: Stage::Prepared(Box::new(job)) });
    }

    /// Drops runs that the engine no longer waits for, so that their memory can serve the next one.
    pub(crate) fn drop_expired(&mut self, now: Timestamp) {
        self.slots.retain(|s| s.ticket.expires > now || matches!(s.stage, Stage::Running));
    }

    /// The run, to be made; `None` when there is none any more.
    pub(crate) fn take(&mut self, ticket: u64) -> Result<Option<PreparedJob>, SdkError> {
        self.known(ticket)?;
        let Some(slot) = self.slots.iter_mut().find(|s| s.ticket.id.0 == ticket) else { return Ok(None) };
        Ok(match std::mem::replace(&mut slot.stage, Stage::Running) {
            Stage::Prepared(job) => Some(*job),
            other => {
                slot.stage = other;
                None
            }
        })
    }

    /// Keeps how a run ended until the host hands it on. One that was forgotten meanwhile is dropped.
    pub(crate) fn end(&mut self, completion: Completion) {
        if let Some(slot) = self.slots.iter_mut().find(|s| s.ticket.id == completion.ticket) {
            slot.stage = Stage::Ended(completion);
        }
    }

    /// Stops a run: at once when it waits, between two operators of the model when it is under way.
    pub(crate) fn cancel(&mut self, ticket: u64) -> Result<(), SdkError> {
        self.known(ticket)?;
        if let Some(slot) = self.slots.iter_mut().find(|s| s.ticket.id.0 == ticket) {
            slot.cancel.cancel();
            if matches!(slot.stage, Stage::Prepared(_)) {
                let ticket = slot.ticket.id;
                slot.stage = Stage::Ended(Completion { ticket, outcome: Outcome::Cancelled });
            }
        }
        Ok(())
    }

    /// How the run ended, once. A ticket that is not known any more gives a completion that the engine counts as such.
    pub(crate) fn completion(&mut self, ticket: u64) -> Result<Completion, SdkError> {
        self.known(ticket)?;
        let Some(index) = self.slots.iter().position(|s| s.ticket.id.0 == ticket) else {
            return Ok(Completion { ticket: TicketId(ticket), outcome: Outcome::Cancelled });
        };
        if !matches!(self.slots[index].stage, Stage::Ended(_)) {
            return Err(SdkError::NotEnded { ticket });
        }
        match self.slots.swap_remove(index).stage {
            Stage::Ended(completion) => Ok(completion),
            Stage::Prepared(_) | Stage::Running => Err(SdkError::NotEnded { ticket }),
        }
    }

    /// Forgets all runs and stops those that are under way.
    pub(crate) fn clear(&mut self) {
        self.slots.drain(..).for_each(|s| s.cancel.cancel());
    }

    const fn known(&self, ticket: u64) -> Result<(), SdkError> {
        if ticket == 0 || ticket > self.newest { Err(SdkError::UnknownTicket { ticket }) } else { Ok(()) }
    }
}
