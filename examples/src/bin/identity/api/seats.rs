//! How many connections there are. When every seat is taken, the connection that has been waiting for its client for
//! longest gives up its own: silent connections never keep a new client out.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::activity::Activity;

#[derive(Clone)]
pub struct Seats {
    limit: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    last: u64,
    by_number: HashMap<u64, Occupant>,
}

#[derive(Clone)]
struct Occupant {
    activity: Arc<Activity>,
    leave: Arc<Notify>,
}

/// One connection's seat, free again when it is dropped.
pub struct Seat {
    number: u64,
    occupant: Occupant,
    seats: Seats,
}

impl Seats {
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            taken: Arc::default(),
        }
    }

    /// A free seat, or that of the quietest connection; `None` if every connection has a request to be answered.
    pub fn take(&self) -> Option<Seat> {
        let mut taken = self.taken();
        if taken.by_number.len() >= self.limit && !taken.vacate() {
            return None;
        }
        let occupant = Occupant {
            activity: Arc::new(Activity::new()),
            leave: Arc::default(),
        };
        taken.last += 1;
        let number = taken.last;
        taken.by_number.insert(number, occupant.clone());
        Some(Seat {
            number,
            occupant,
            seats: self.clone(),
        })
    }

    /// Sends away the connection that has been quiet for longest.
    pub fn vacate(&self) {
        self.taken().vacate();
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // No code that can panic runs under the lock.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Whether there was one to be sent away.
    fn vacate(&mut self) -> bool {
        let quiet = self.by_number.iter().filter_map(|(number, occupant)| {
            let since = occupant.activity.quiet_since()?;
            Some((since, *number))
        });
        let Some((_, number)) = quiet.min() else {
            return false;
        };
        if let Some(occupant) = self.by_number.remove(&number) {
            occupant.leave.notify_one();
        }
        true
    }
}

impl Seat {
    pub fn activity(&self) -> &Arc<Activity> {
        &self.occupant.activity
    }

    /// Resolves when a new connection needs the seat.
    pub async fn needed(&self) {
        self.occupant.leave.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken().by_number.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{advance, timeout};

    use super::*;

    async fn is_needed(seat: &Seat) -> bool {
        timeout(Duration::ZERO, seat.needed()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_been_quiet_for_longest_makes_room() {
        let seats = Seats::new(3);
        let mut taken = Vec::new();
        for _ in 0..3 {
            taken.push(seats.take().unwrap());
            advance(Duration::from_secs(1)).await;
        }
        let answering = taken[0].activity().clone().answering();
        taken.push(seats.take().unwrap());
        assert!(is_needed(&taken[1]).await);
        assert!(!is_needed(&taken[0]).await && !is_needed(&taken[2]).await);

        // The seat is gone already: that its connection ends a moment later frees no second one.
        drop(taken.remove(1));
        assert_eq!(seats.taken().by_number.len(), 3);

        // A connection is quiet from its answer on.
        drop(answering);
        seats.vacate();
        assert!(is_needed(&taken[1]).await && !is_needed(&taken[0]).await);
    }

    #[test]
    fn nobody_who_waits_for_an_answer_makes_room() {
        let seats = Seats::new(1);
        let seat = seats.take().unwrap();
        let answering = seat.activity().clone().answering();
        assert!(seats.take().is_none());
        drop(answering);
        assert!(seats.take().is_some());
    }
}
