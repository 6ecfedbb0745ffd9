//! What is kept where: the keys of a lease and of a schedule, by name.
//!
//! All begin with the prefix and the name, so a role for what begins with `lifecycle/identity/` has what the namespace `identity` needs.
//! The last segment says what it is: no name, whatever slashes it has, meets the key of another.

/// The keys of a lease.
pub(crate) struct LeaseKeys {
    /// Who has it. Written by each take, and removed when it is given back: the revision it was written in is the token.
    pub(crate) holder: Vec<u8>,
    /// A sign of life, written by each take and each renewal: how long the term is.
    pub(crate) alive: Vec<u8>,
}

impl LeaseKeys {
    pub(crate) fn of(prefix: &str, name: &str) -> Self {
        Self {
            holder: key(prefix, name, "holder"),
            alive: key(prefix, name, "alive"),
        }
    }
}

/// The key of the last point of a schedule.
pub(crate) fn point(prefix: &str, name: &str) -> Vec<u8> {
    key(prefix, name, "point")
}

fn key(prefix: &str, name: &str, what: &str) -> Vec<u8> {
    format!("{prefix}{name}/{what}").into_bytes()
}

/// Where a range ends that begins with this key and has all that begin so: the key, with its last byte increased.
pub(crate) fn end_of(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return end;
        }
    }
    // Of no byte at all: everything.
    vec![0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_meets_no_key_of_another() {
        let names = ["a", "a/holder", "a/alive", "a/holder/holder", "", "/"];
        let mut keys: Vec<_> = names
            .iter()
            .flat_map(|name| {
                let LeaseKeys { holder, alive } = LeaseKeys::of("p/", name);
                [holder, alive, point("p/", name)]
            })
            .collect();
        let all = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), all);
    }

    #[test]
    fn a_range_by_prefix_ends_after_all_that_begin_so() {
        assert_eq!(end_of(b"a/"), b"a0");
        assert_eq!(end_of(b"a\xff\xff"), b"b");
        assert_eq!(end_of(b"\xff"), b"\0");
    }
}
