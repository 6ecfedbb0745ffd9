//! What a store of leases owes.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{Names, answer};
use crate::store::{Grant, Leases};

/// Long enough for a few calls of a store on a busy machine.
const TERM: Duration = Duration::from_millis(600);

/// Longer than any test.
const LONG: Duration = Duration::from_secs(30 * 86_400);

/// How many replicas race for a lease, and how often.
const RACERS: usize = 16;
const RACES: usize = 8;
const RACES_FOR_NEW_NAMES: usize = 50;

/// Checks a store of leases: one holder at a time; tokens that grow, over a return and over the end of a term; stale
/// renewals and returns refused; names of all kinds; terms of a millisecond and of thirty days; sixteen racers.
///
/// # Panics
///
/// Where the store fails, or does not keep its contract, with the name of the case.
pub async fn leases(open: impl Fn() -> Arc<dyn Leases>) {
    let names = Names::new();
    let store = Replica::new("one", open());
    let other = Replica::new("two", open());
    one_holder_at_a_time(&names, &store, &other).await;
    tokens_grow_over_a_return(&names, &store, &other).await;
    tokens_grow_over_the_end_of_a_term(&names, &store, &other).await;
    a_renewal_lets_the_term_begin_anew(&names, &store, &other).await;
    a_stale_holder_is_refused(&names, &store, &other).await;
    a_term_that_is_over_is_not_renewed(&names, &store).await;
    a_leader_that_is_told_holds_the_lease(&names, &store, &other).await;
    names_of_all_kinds_are_leases_of_their_own(&names, &store, &other).await;
    terms_of_all_lengths(&names, &store, &other).await;
    let racers: Vec<_> = (0..RACERS).map(|_| open()).collect();
    one_of_many_racers_wins(&names, &racers).await;
    one_of_many_racers_wins_a_new_name(&names, &racers).await;
}

/// A replica, and what the case is called that it is asked in.
struct Replica {
    holder: &'static str,
    store: Arc<dyn Leases>,
}

impl Replica {
    fn new(holder: &'static str, store: Arc<dyn Leases>) -> Self {
        Self { holder, store }
    }

    async fn take(&self, case: &str, name: &str, term: Duration) -> Option<Grant> {
        let taken = answer(case, self.store.take(name, self.holder, term).await);
        if let Some(grant) = &taken {
            assert_eq!(grant.name, name, "`{case}`: the grant names another lease");
            assert_eq!(
                grant.holder, self.holder,
                "`{case}`: the grant names another holder"
            );
        }
        taken
    }

    async fn must_take(&self, case: &str, name: &str, term: Duration) -> Grant {
        let taken = self.take(case, name, term).await;
        taken.unwrap_or_else(|| panic!("`{case}`: a lease that is free was refused"))
    }

    async fn must_not_take(&self, case: &str, name: &str) {
        let taken = self.take(case, name, TERM).await;
        assert_eq!(taken, None, "`{case}`: a lease that is held was granted");
    }

    async fn renew(&self, case: &str, grant: &Grant, term: Duration) -> bool {
        answer(case, self.store.renew(grant, term).await)
    }

    async fn leader(&self, case: &str, name: &str) -> Option<Grant> {
        answer(case, self.store.leader(name).await)
    }

    async fn give_back(&self, case: &str, grant: &Grant) -> bool {
        answer(case, self.store.give_back(grant).await)
    }
}

/// A store may not be able to tell, but what it tells is true.
async fn a_leader_that_is_told_holds_the_lease(names: &Names, store: &Replica, other: &Replica) {
    let case = "a_leader_that_is_told_holds_the_lease";
    let name = names.of(case);
    let nobody = other.leader(case, &name).await;
    assert_eq!(nobody, None, "`{case}`: one that was never taken");
    let mut grant = store.must_take(case, &name, LONG).await;
    for asking in [store, other] {
        let leader = asking.leader(case, &name).await;
        assert!(
            leader.as_ref().is_none_or(|leader| *leader == grant),
            "`{case}`: {leader:?} for {grant:?}"
        );
    }
    store.give_back(case, &grant).await;
    let nobody = other.leader(case, &name).await;
    assert_eq!(nobody, None, "`{case}`: one that was given back");
    grant = other.must_take(case, &name, TERM).await;
    let leader = store.leader(case, &name).await;
    assert!(
        leader.is_none_or(|leader| leader == grant),
        "`{case}`: one that was taken again"
    );
    sleep(TERM + TERM / 2).await;
    let nobody = store.leader(case, &name).await;
    assert_eq!(nobody, None, "`{case}`: one whose term is over");
}

async fn one_holder_at_a_time(names: &Names, store: &Replica, other: &Replica) {
    let case = "one_holder_at_a_time";
    let name = names.of(case);
    let grant = store.must_take(case, &name, LONG).await;
    other.must_not_take(case, &name).await;
    // Another process may have the same name.
    store.must_not_take(case, &name).await;
    assert!(
        store.renew(case, &grant, LONG).await,
        "`{case}`: the holder's renewal was refused"
    );
    assert!(
        store.give_back(case, &grant).await,
        "`{case}`: the holder's return was refused"
    );
}

async fn tokens_grow_over_a_return(names: &Names, store: &Replica, other: &Replica) {
    let case = "tokens_grow_over_a_return";
    let name = names.of(case);
    let mut last = None;
    for replica in [store, other, store, store] {
        let grant = replica.must_take(case, &name, LONG).await;
        assert!(
            Some(grant.token) > last,
            "`{case}`: {} after {last:?}",
            grant.token
        );
        last = Some(grant.token);
        assert!(
            replica.give_back(case, &grant).await,
            "`{case}`: the return was refused"
        );
        assert!(
            !replica.give_back(case, &grant).await,
            "`{case}`: a second return was taken"
        );
        assert!(
            !replica.renew(case, &grant, LONG).await,
            "`{case}`: renewed after its return"
        );
    }
}

async fn tokens_grow_over_the_end_of_a_term(names: &Names, store: &Replica, other: &Replica) {
    let case = "tokens_grow_over_the_end_of_a_term";
    let name = names.of(case);
    let first = store.must_take(case, &name, TERM / 4).await;
    sleep(TERM / 2).await;
    let second = other.must_take(case, &name, LONG).await;
    assert!(
        second.token > first.token,
        "`{case}`: {} after {}",
        second.token,
        first.token
    );
}

/// A machine that stands still for longer than a holder has time for tells nothing of the store: it is tried again.
async fn a_renewal_lets_the_term_begin_anew(names: &Names, store: &Replica, other: &Replica) {
    let case = "a_renewal_lets_the_term_begin_anew";
    for attempt in 0..20 {
        let name = names.of(&format!("{case}/{attempt}"));
        if renewed_in_time(case, &name, store, other).await {
            return;
        }
    }
    panic!("`{case}`: the store is too slow for a term of {TERM:?}");
}

/// Whether each answer came within the term.
async fn renewed_in_time(case: &str, name: &str, store: &Replica, other: &Replica) -> bool {
    let mut sent = Instant::now();
    let grant = store.must_take(case, name, TERM).await;
    for _ in 0..3 {
        sleep(TERM / 2).await;
        let now = Instant::now();
        let renewed = store.renew(case, &grant, TERM).await;
        if sent.elapsed() >= TERM {
            return false;
        }
        assert!(renewed, "`{case}`: refused within the term");
        sent = now;
        let taken = other.take(case, name, TERM).await;
        if sent.elapsed() >= TERM {
            return false;
        }
        assert_eq!(taken, None, "`{case}`: a lease that is held was granted");
    }
    let renewed = store.renew(case, &grant, TERM / 8).await;
    if sent.elapsed() >= TERM {
        return false;
    }
    assert!(renewed, "`{case}`: a shorter term was refused");
    sleep(TERM / 4).await;
    other.must_take(case, name, TERM).await;
    true
}

async fn a_stale_holder_is_refused(names: &Names, store: &Replica, other: &Replica) {
    let case = "a_stale_holder_is_refused";
    let name = names.of(case);
    let stale = store.must_take(case, &name, TERM / 8).await;
    sleep(TERM / 4).await;
    let newest = other.must_take(case, &name, LONG).await;
    assert!(
        !store.renew(case, &stale, LONG).await,
        "`{case}`: its renewal was taken"
    );
    assert!(
        !store.give_back(case, &stale).await,
        "`{case}`: its return was taken"
    );
    store.must_not_take(case, &name).await;
    assert!(
        other.renew(case, &newest, LONG).await,
        "`{case}`: it disturbed the holder"
    );
    let forged = Grant::new(name, stale.holder, newest.token);
    assert!(
        !store.renew(case, &forged, LONG).await,
        "`{case}`: under another's token"
    );
    assert!(
        !store.give_back(case, &forged).await,
        "`{case}`: returned by another's token"
    );
}

async fn a_term_that_is_over_is_not_renewed(names: &Names, store: &Replica) {
    let case = "a_term_that_is_over_is_not_renewed";
    let name = names.of(case);
    let grant = store.must_take(case, &name, TERM / 8).await;
    sleep(TERM / 4).await;
    assert!(
        !store.renew(case, &grant, LONG).await,
        "`{case}`: it was, though nobody took it"
    );
    assert!(
        !store.give_back(case, &grant).await,
        "`{case}`: it was given back"
    );
    store.must_take(case, &name, LONG).await;
}

async fn names_of_all_kinds_are_leases_of_their_own(
    names: &Names,
    store: &Replica,
    other: &Replica,
) {
    let case = "names_of_all_kinds_are_leases_of_their_own";
    let long = "n".repeat(600);
    let longer = format!("{long}n");
    let odd = [
        "",
        " ",
        "a",
        "A",
        "a ",
        " a",
        "a/b",
        "a%b",
        "a_b",
        "a'b",
        "a\"b",
        "a\\b",
        "a\nb",
        "a\0b",
        "ä",
        "a\u{308}",
        "日本語",
        "🦀",
        "--",
        "null",
        &long,
        &longer,
    ];
    let mut held = Vec::new();
    for odd in odd {
        // What can't be stored as it is must not meet another name either; a store may refuse the character NUL.
        let name = names.of(&format!("{case}/{odd}"));
        if odd.contains('\0') && store.store.take(&name, store.holder, LONG).await.is_err() {
            continue;
        }
        if !odd.contains('\0') {
            held.push(store.must_take(case, &name, LONG).await);
        }
    }
    for grant in held {
        other.must_not_take(case, &grant.name).await;
        assert!(
            store.give_back(case, &grant).await,
            "`{case}`: {:?}",
            grant.name
        );
    }
}

async fn terms_of_all_lengths(names: &Names, store: &Replica, other: &Replica) {
    let case = "terms_of_all_lengths";
    let (short, long) = (names.of("short"), names.of("long"));
    store
        .must_take(case, &short, Duration::from_millis(1))
        .await;
    let held = store.must_take(case, &long, LONG).await;
    sleep(TERM / 8).await;
    other.must_take(case, &short, TERM).await;
    other.must_not_take(case, &long).await;
    assert!(
        store.renew(case, &held, Duration::from_millis(1)).await,
        "`{case}`: not renewed"
    );
    sleep(TERM / 8).await;
    other.must_take(case, &long, TERM).await;
}

async fn one_of_many_racers_wins(names: &Names, racers: &[Arc<dyn Leases>]) {
    let case = "one_of_many_racers_wins";
    let name = names.of(case);
    let mut last = None;
    for _ in 0..RACES {
        let winner = race(case, &name, racers).await;
        assert!(
            Some(winner.token) > last,
            "`{case}`: {} after {last:?}",
            winner.token
        );
        last = Some(winner.token);
    }
}

/// A store may have to make something of a name that it sees for the first time, and all racers see it at once.
async fn one_of_many_racers_wins_a_new_name(names: &Names, racers: &[Arc<dyn Leases>]) {
    let case = "one_of_many_racers_wins_a_new_name";
    for number in 0..RACES_FOR_NEW_NAMES {
        let name = names.of(&format!("{case}/{number}"));
        race(case, &name, racers).await;
    }
}

/// Lets all take the lease at once, and gives the one grant back.
async fn race(case: &'static str, name: &str, racers: &[Arc<dyn Leases>]) -> Grant {
    let mut race = JoinSet::new();
    for store in racers {
        let (store, name) = (store.clone(), name.to_owned());
        race.spawn(async move { answer(case, store.take(&name, "racer", LONG).await) });
    }
    let mut winners: Vec<Grant> = race.join_all().await.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1, "`{case}`: winners are {winners:?}");
    let winner = winners.remove(0);
    let given_back = answer(case, racers[0].give_back(&winner).await);
    assert!(given_back, "`{case}`: the winner's return was refused");
    winner
}
