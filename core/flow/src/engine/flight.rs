//! The books of runs that are under way, and of events that wait for the host.
//! **Invariant:** a ticket leaves the books once, by completion or by expiry; events are bounded.
//! It does not decide about runs.

use alloc::{collections::VecDeque, vec::Vec};
use core::time::Duration;

use crate::{
    cache::Digest,
    decide::Offer,
    geometry::Point,
    plan::{Event, Ticket, TicketId},
    schedule::{Charge, Grant},
    time::Timestamp,
};

/// Events that wait at most; a host that polls once a frame never sees an overflow.
const MOST_EVENTS: usize = 64;

/// One run under way, with what was believed when it was planned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flight {
    pub ticket: Ticket,
    pub started: Timestamp,
    /// What the budget was charged.
    pub charged: Charge,
    /// What the shared budget calls it.
    pub grant: Option<Grant>,
    /// The source's spread for the key frame's capture time.
    pub spread: f32,
    /// Age of the result before at the key frame's capture time.
    pub age: Duration,
    /// Whether the answers were believed to be within tolerance then.
    pub believed: bool,
    /// Motion of the background from the key frame before to this one.
    pub background: Point,
    /// Share of the picture that no result had looked at.
    pub uncovered: f32,
    /// What the exact cache will call the result.
    pub digest: Option<Digest>,
    /// Whether it runs only to check a kept result that would have been served.
    pub checks_hit: bool,
    /// Whether the picture has since become another one.
    pub stale: bool,
    /// The groups that held then.
    pub cells: u32,
}

/// All runs under way; a handful at most.
#[derive(Debug)]
pub(crate) struct Flights(Vec<Flight>);

impl Flights {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn add(&mut self, flight: Flight) {
        self.0.push(flight);
    }

    pub(crate) fn take(&mut self, id: TicketId) -> Option<Flight> {
        let at = self.0.iter().position(|f| f.ticket.id == id)?;
        Some(self.0.swap_remove(at))
    }

    /// Takes one run that has expired at `now`.
    pub(crate) fn take_expired(&mut self, now: Timestamp) -> Option<Flight> {
        let at = self.0.iter().position(|f| f.ticket.expires <= now)?;
        Some(self.0.swap_remove(at))
    }

    /// The run that expires first.
    pub(crate) fn next_expiry(&self) -> Option<(Timestamp, TicketId)> {
        self.0.iter().map(|f| (f.ticket.expires, f.ticket.id)).min()
    }

    /// Whether a run of a frame from `from` on is under way that is still of use.
    pub(crate) fn covers(&self, from: Timestamp) -> bool {
        self.0.iter().any(|f| !f.stale && f.ticket.captured >= from)
    }

    /// Marks runs of frames captured before `than`, whose results can be of no use any more. Calls `each` for each one
    /// that was not marked before.
    pub(crate) fn outdate(&mut self, than: Timestamp, mut each: impl FnMut(TicketId)) {
        for flight in &mut self.0 {
            if !flight.stale && flight.ticket.captured < than {
                flight.stale = true;
                each(flight.ticket.id);
            }
        }
    }
}

/// Events that wait to be polled.
#[derive(Debug)]
pub(crate) struct Events {
    queue: VecDeque<Event>,
    lost: u32,
}

impl Events {
    pub(crate) fn new() -> Self {
        Self { queue: VecDeque::with_capacity(MOST_EVENTS), lost: 0 }
    }

    /// Adds an event; when nobody polls, the newest are lost and counted.
    pub(crate) fn push(&mut self, event: Event) {
        if self.queue.len() < MOST_EVENTS {
            self.queue.push_back(event);
        } else {
            self.lost = self.lost.saturating_add(1);
        }
    }

    /// Tells what came of an item for the reviewers.
    pub(crate) fn offered(&mut self, offer: &Offer) {
        if offer.dropped != Some(offer.item) {
            self.push(Event::Review(offer.item));
        }
        if let Some(dropped) = offer.dropped {
            self.push(Event::ReviewDropped(dropped));
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        let event = self.queue.pop_front();
        if event.is_none() && self.lost > 0 {
            return Some(Event::Overflow(core::mem::take(&mut self.lost)));
        }
        event
    }
}
