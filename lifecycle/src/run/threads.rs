//! What Linux shows of the threads of this process. Other systems show nothing.

use std::collections::HashMap;
use std::fs;

/// The numbers of system calls.
struct Calls {
    /// Waits for a change of a word in memory.
    futex: u32,
    /// Waits for one of many descriptors, in its three forms.
    poll: [u32; 3],
}

const CALLS: Option<Calls> = if !cfg!(any(target_os = "linux", target_os = "android")) {
    None
} else if cfg!(target_arch = "x86_64") {
    Some(Calls {
        futex: 202,
        poll: [232, 281, 441],
    })
} else if cfg!(any(
    target_arch = "aarch64",
    target_arch = "riscv64",
    target_arch = "loongarch64"
)) {
    Some(Calls {
        futex: 98,
        poll: [22, 22, 441],
    })
} else {
    None
};

/// How often the threads are listed at most, where they come and go all the time.
const MAX_LISTS: usize = 16;

/// A thread, as the system numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Thread(u32);

/// The threads there are, with their names.
pub(crate) type Threads = HashMap<Thread, String>;

/// A thread that waits for another one without a time limit. Two of these are equal if the thread has not
/// run in between.
#[derive(PartialEq, Eq)]
pub(crate) struct Parked {
    call: String,
    switches: Vec<String>,
}

impl Thread {
    pub(crate) fn current() -> Option<Self> {
        CALLS.as_ref()?;
        let link = fs::read_link("/proc/thread-self").ok()?;
        link.file_name()?.to_str()?.parse().ok().map(Self)
    }

    /// The thread that runs `main`.
    pub(crate) fn main() -> Self {
        Self(std::process::id())
    }

    /// All of them. The system cuts a list short at a thread that ends while it is written, so a list counts
    /// once the next one is the same.
    pub(crate) fn all() -> Threads {
        let mut threads = Self::listed();
        for _ in 1..MAX_LISTS {
            let before = std::mem::replace(&mut threads, Self::listed());
            if threads == before {
                break;
            }
        }
        threads
    }

    fn listed() -> Threads {
        let entries = CALLS.and_then(|_| fs::read_dir("/proc/self/task").ok());
        entries
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok().map(Self))
            .filter_map(|thread| Some((thread, thread.name()?)))
            .collect()
    }

    pub(crate) fn name(self) -> Option<String> {
        self.file("comm").map(|name| name.trim_end().to_owned())
    }

    /// Whether it waits for one of many descriptors, as one thread of each runtime does.
    pub(crate) fn polls(self) -> bool {
        let call = self.file("syscall").unwrap_or_default();
        let number = call.split_whitespace().next().map(str::parse);
        CALLS.zip(number).is_some_and(
            |(calls, number)| matches!(number, Ok(number) if calls.poll.contains(&number)),
        )
    }

    /// `None` when the thread runs, or waits for something else.
    pub(crate) fn parked(self) -> Option<Parked> {
        let call = self.file("syscall")?;
        let mut words = call.split_whitespace();
        let (number, _address, operation, _value, limit) = (
            words.next()?,
            words.next()?,
            words.next()?,
            words.next()?,
            words.next()?,
        );
        let operation = u32::from_str_radix(operation.strip_prefix("0x")?, 16).ok()?;
        // The operation is a wait, with or without a mask, that only threads of this process can end. A
        // wait for the end of a thread has another operation.
        let waits = matches!(operation & 0x7f, 0 | 9) && operation & 0x80 != 0;
        if number.parse() != Ok(CALLS?.futex) || !waits || limit != "0x0" {
            return None;
        }
        let status = self.file("status")?;
        let switches = status
            .lines()
            .filter(|line| line.contains("ctxt_switches"))
            .map(str::to_owned)
            .collect();
        Some(Parked { call, switches })
    }

    fn file(self, name: &str) -> Option<String> {
        fs::read_to_string(format!("/proc/self/task/{}/{name}", self.0)).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread::{park, spawn};

    use super::Thread;

    /// The thread that ends stands before the other in the list.
    #[test]
    fn a_thread_is_listed_though_another_ends_meanwhile() {
        if Thread::current().is_none() {
            return;
        }
        for round in 0..3_000 {
            let ends = spawn(park);
            let (tell, told) = channel();
            let stays = spawn(move || {
                tell.send(Thread::current().unwrap()).unwrap();
                park();
            });
            let thread = told.recv().unwrap();
            ends.thread().unpark();
            let is_listed = Thread::all().contains_key(&thread);
            stays.thread().unpark();
            ends.join().unwrap();
            stays.join().unwrap();
            assert!(is_listed, "round {round}");
        }
    }
}
