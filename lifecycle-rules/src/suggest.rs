//! A word as typed and the known words go in; what to write instead comes out.

/// The most words that a help lists.
const LISTED: usize = 5;

/// The longest word that is compared, in bytes: the distance of two words takes the product of
/// their lengths.
const COMPARED: usize = 100;

/// The known word with similar letters, or all of them if they are few.
#[must_use]
pub fn instead(typed: &str, known: &[&str]) -> Option<String> {
    if let Some(near) = nearest(typed, known) {
        return Some(format!("did you mean `{near}`?"));
    }
    match known {
        [] => None,
        [one] => Some(format!("write `{one}`")),
        [first, second] => Some(format!("write `{first}` or `{second}`")),
        few if few.len() <= LISTED => Some(format!("write one of `{}`", few.join("`, `"))),
        _ => None,
    }
}

/// The nearest of the known words, if at most a third of its letters differ.
#[must_use]
pub fn nearest<'a>(typed: &str, known: &[&'a str]) -> Option<&'a str> {
    if typed.len() > COMPARED {
        return None;
    }
    let typed: Vec<char> = typed.to_lowercase().chars().collect();
    known
        .iter()
        .filter_map(|word| {
            let letters: Vec<char> = word.chars().collect();
            let limit = letters.len().max(typed.len().min(3)) / 3;
            // The distance is at least the difference in length, so most words need no table.
            if letters.len().abs_diff(typed.len()) > limit {
                return None;
            }
            let distance = distance(&typed, &letters);
            (distance <= limit).then_some((distance, *word))
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, word)| word)
}

/// The number of letters to insert, delete, replace or swap with their neighbour.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut older = vec![0; to.len() + 1];
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (row, a) in from.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, b) in to.iter().enumerate() {
            let replaced = above[column] + usize::from(a != b);
            let mut least = replaced.min(above[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *a == to[column - 1] && from[row - 1] == *b {
                least = least.min(older[column - 1] + 1);
            }
            current.push(least);
        }
        older = std::mem::replace(&mut above, current);
    }
    above[to.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, instead};

    #[test]
    fn distance_counts_edits_and_swaps() {
        let cases = [
            ("store", "store", 0),
            ("stor", "store", 1),
            ("stroe", "store", 1),
            ("score", "store", 1),
            ("", "store", 5),
            ("tokens", "store", 4),
        ];
        for (from, to, expected) in cases {
            let [from, to] = [from, to].map(|word| word.chars().collect::<Vec<_>>());
            assert_eq!(distance(&from, &to), expected, "{from:?} -> {to:?}");
            assert_eq!(distance(&to, &from), expected, "{to:?} -> {from:?}");
        }
    }

    #[test]
    fn near_beats_list_and_list_stays_short() {
        let told = |typed, known: &[&str]| instead(typed, known).unwrap_or_default();
        assert_eq!(told("stor", &["gc", "store"]), "did you mean `store`?");
        assert_eq!(told("Store", &["gc", "store"]), "did you mean `store`?");
        assert_eq!(told("x", &["store"]), "write `store`");
        assert_eq!(told("x", &["store", "cache"]), "write `store` or `cache`");
        assert_eq!(
            told("x", &["one", "two", "six"]),
            "write one of `one`, `two`, `six`"
        );
        assert_eq!(told("x", &["a", "b"]), "write `a` or `b`");
        assert_eq!(told("dv", &["db"]), "write `db`");
        assert_eq!(told("dbs", &["db", "api"]), "did you mean `db`?");
        assert_eq!(
            told("nothing", &["one", "two", "six", "ten", "red", "tin"]),
            ""
        );
        assert_eq!(told("x", &[]), "");
    }

    #[test]
    fn the_nearest_of_several_wins() {
        assert_eq!(
            instead("flusher", &["flushes", "flusher2", "flush"]).as_deref(),
            Some("did you mean `flushes`?")
        );
    }
}
