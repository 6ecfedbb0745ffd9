//! Whether other code of the program listens to a signal.
//!
//! Where there is `/proc`, it shows which signals had a handler before ours. Later handlers are counted:
//! signal-hook and tokio register their actions in one registry, which numbers the actions of the whole
//! process. So a number that we have not taken belongs to another action. Tokio registers one action for
//! each signal, the first time that its program listens to it. So we ask tokio to listen: if that takes a
//! new number, tokio did not listen before.
//!
//! Three things can't be known: for which signal a number was taken, whether the action was removed since,
//! and whether a listener of tokio's is still there. Where that leaves a doubt the answer is `None`.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGCHLD, SIGFPE, SIGILL, SIGINT, SIGKILL, SIGSEGV, SIGSTOP, SIGTERM};
use signal_hook::{SigId, flag, low_level};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal as listen_by_tokio};

/// What the process does with each signal: bit `n - 1` for signal `n`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dispositions {
    ignored: u64,
    caught: u64,
}

impl Dispositions {
    /// The dispositions now; `None` where only unsafe code could read them.
    pub(super) fn read() -> Option<Self> {
        if !cfg!(any(target_os = "linux", target_os = "android")) {
            return None;
        }
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let mask = |field| {
            let line = status.lines().find_map(|line| line.strip_prefix(field))?;
            u64::from_str_radix(line.trim(), 16).ok()
        };
        Some(Self {
            ignored: mask("SigIgn:")?,
            caught: mask("SigCgt:")?,
        })
    }

    pub(super) fn ignores(self, signal: i32) -> bool {
        self.ignored & bit(signal) != 0
    }

    fn catches(self, signal: i32) -> bool {
        self.caught & bit(signal) != 0
    }
}

fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// What is known of other handlers.
#[derive(Debug)]
pub(super) struct Others {
    /// The dispositions before our handlers were installed.
    before: Option<Dispositions>,
    /// The number that our first registration took.
    first: Option<u128>,
    /// How many registrations since then are ours.
    ours: u128,
    /// The signals that tokio listens to because we asked it to.
    asked_tokio: Vec<i32>,
}

impl Others {
    pub(super) fn new(before: Option<Dispositions>) -> Self {
        Self {
            before,
            first: None,
            ours: 0,
            asked_tokio: Vec::new(),
        }
    }

    /// Counts a registration of ours.
    pub(super) fn note(&mut self, id: SigId) {
        self.ours += 1;
        if self.first.is_none() {
            self.first = number(id);
        }
    }

    /// Whether anything else in the program listens to this signal; `None` when that can't be known.
    pub(super) fn listen(&mut self, signal: i32) -> Option<bool> {
        if self.before.is_some_and(|before| before.catches(signal)) {
            return Some(true);
        }
        let mut unexplained = self.count(signal)?;
        if unexplained == 0 {
            return Some(false);
        }
        if self.tokio_listens(signal)? {
            return Some(true);
        }
        for other in self.caught_since() {
            if self.tokio_listens(other) == Some(true) {
                unexplained -= 1;
            }
            if unexplained == 0 {
                return Some(false);
            }
        }
        None
    }

    /// How many registrations others have made. Those before our first one don't count where `before`
    /// is known.
    fn count(&mut self, signal: i32) -> Option<u128> {
        let probe = flag::register(signal, Arc::new(AtomicBool::new(false))).ok()?;
        low_level::unregister(probe);
        self.note(probe);
        let first = if self.before.is_some() {
            self.first?
        } else {
            1
        };
        (number(probe)? + 1).checked_sub(first + self.ours)
    }

    /// The signals, other than ours, that have a handler now and had none before.
    fn caught_since(&self) -> Vec<i32> {
        let Some((before, now)) = self.before.zip(Dispositions::read()) else {
            // `tokio::process` listens to this one, and one more handler of it does no harm.
            return vec![SIGCHLD];
        };
        (1..=31)
            .filter(|signal| !before.catches(*signal) && now.catches(*signal))
            .filter(|signal| {
                ![SIGINT, SIGTERM, SIGKILL, SIGSTOP, SIGILL, SIGFPE, SIGSEGV].contains(signal)
            })
            .collect()
    }

    fn tokio_listens(&mut self, signal: i32) -> Option<bool> {
        if self.asked_tokio.contains(&signal) {
            return None;
        }
        let before = self.count(SIGTERM)?;
        ask_tokio(signal).ok()?;
        let is_new = self.count(SIGTERM)? > before;
        if is_new {
            self.ours += 1;
            self.asked_tokio.push(signal);
        }
        Some(!is_new)
    }
}

fn ask_tokio(signal: i32) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    listen_by_tokio(SignalKind::from_raw(signal)).map(drop)
}

/// The number of a registration. Only its `Debug` shows it: `SigId { .., action: ActionId(7) }`.
fn number(id: SigId) -> Option<u128> {
    let text = format!("{id:?}");
    let mut numbers = text.rsplit(|letter: char| !letter.is_ascii_digit());
    numbers.find(|digits| !digits.is_empty())?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use signal_hook::consts::SIGUSR2;
    use signal_hook::{flag, low_level};

    use super::number;

    #[test]
    fn registrations_are_numbered_one_after_the_other() {
        let register = || flag::register(SIGUSR2, Arc::new(AtomicBool::new(false))).unwrap();
        let (first, second) = (register(), register());
        assert!(number(first) < number(second));
        assert!(number(first).is_some());
        low_level::unregister(first);
        low_level::unregister(second);
    }
}
