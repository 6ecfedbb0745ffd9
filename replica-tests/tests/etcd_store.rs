//! The store on etcd by itself: what it promises, and what keeps it from it.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lifecycle::{Grant, Leases, Memory, Point};
use lifecycle_etcd::{Etcd, EtcdError};
use replica_tests::etcd;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

const TERM: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(300);
/// Less than the term, after which anybody has what is not given back.
const SOON: Duration = Duration::from_secs(20);

/// With more patience than is usual: the disk may be busy.
fn patient(server: &etcd::Etcd) -> Etcd {
    Etcd::connect(server.endpoints()).timeout(SOON)
}

async fn taken(store: &Etcd, name: &str, holder: &str, term: Duration) -> Grant {
    let began = Instant::now();
    loop {
        // What is asked for a short term is given up soon, and may have been done. That is over when the term is.
        match store.take(name, holder, term).await {
            Ok(grant) => {
                return grant.unwrap_or_else(|| panic!("`{name}` is not free for {holder}"));
            }
            Err(error) if term == SHORT && began.elapsed() < SOON => {
                println!("taken again: {}", told(&error));
                sleep(SHORT).await;
            }
            Err(error) => panic!("`{name}` for {holder}: {}", told(&error)),
        }
    }
}

fn point(seconds: u64, attempt: u32) -> Point {
    Point::new(
        UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds),
        attempt,
    )
}

/// The error as text, with its sources, and with its mark.
fn told(error: &lifecycle::BoxError) -> String {
    let permanent = error.is::<lifecycle::Permanent>();
    let text = chain(error.as_ref());
    if permanent {
        format!("permanent: {text}")
    } else {
        text
    }
}

fn chain(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn racers_have_a_lease_one_after_the_other_and_see_no_error() {
    let server = etcd::Etcd::start();
    let held = Arc::new(AtomicU64::new(0));
    let racers: Vec<_> = (0..8)
        .map(|racer| {
            let (store, held) = (patient(&server), held.clone());
            tokio::spawn(async move {
                let (mut wins, mut last) = (0, 0);
                while wins < 20 {
                    let Some(grant) = store.take("n", &format!("r{racer}"), TERM).await.unwrap()
                    else {
                        // What another gave back before the watch began is told by it all the same.
                        timeout(SOON, store.freed("n")).await.expect("no hint");
                        continue;
                    };
                    assert_eq!(held.swap(grant.token, Ordering::SeqCst), 0, "two at once");
                    assert!(grant.token > last, "{} after {last}", grant.token);
                    last = grant.token;
                    wins += 1;
                    tokio::task::yield_now().await;
                    held.store(0, Ordering::SeqCst);
                    assert!(store.give_back(&grant).await.unwrap());
                }
            })
        })
        .collect();
    for racer in racers {
        racer.await.unwrap();
    }
}

/// With short terms and holders that never give back, each takes over when a term is over, and never before.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_not_renewed_is_taken_over_when_its_term_is_over_and_not_before() {
    let server = etcd::Etcd::start();
    let stores = [(); 2].map(|()| patient(&server));
    let (mut last, mut shortest) = (Instant::now(), Duration::MAX);
    for (turn, store) in stores.iter().cycle().take(6).enumerate() {
        while store.take("n", "me", TERM / 20).await.unwrap().is_none() {
            timeout(SOON, store.freed("n")).await.expect("no hint");
        }
        let now = Instant::now();
        if turn > 0 {
            let after = now - last;
            assert!(after >= TERM / 20, "taken over after {after:?}");
            shortest = shortest.min(after);
        }
        last = now;
    }
    // A poll is a third of a term.
    assert!(
        shortest < TERM / 20 * 4 / 3,
        "taken over after {shortest:?}"
    );
}

/// A renewal in the last moment counts, though the other has not heard of it. A machine that stands still for longer than the holder has time
/// for tells nothing, and it is tried again.
#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_renews_is_never_taken_over() {
    let server = etcd::Etcd::start();
    for attempt in 0..20 {
        if renewed_in_time(&server, &format!("n{attempt}")).await {
            return;
        }
    }
    panic!("this machine is too slow to renew a lease");
}

/// Whether one was always in time with its renewals, and another, who asks all the while, was refused.
async fn renewed_in_time(server: &etcd::Etcd, name: &str) -> bool {
    const TERM: Duration = Duration::from_millis(1500);
    let (holder, other) = (patient(server), patient(server));
    // As the library counts: from before it is sent, less a tenth.
    let mut until = Instant::now() + TERM * 9 / 10;
    let Ok(Some(grant)) = holder.take(name, "holder", TERM).await else {
        return false;
    };
    let renews = tokio::spawn(async move {
        for _ in 0..25 {
            sleep(Duration::from_millis(fastrand::u64(50..600))).await;
            let sent = Instant::now();
            let renewed = holder.renew(&grant, TERM).await;
            if Instant::now() > until {
                return None;
            }
            match renewed {
                Ok(true) => until = sent + TERM * 9 / 10,
                Ok(false) => panic!("refused in time"),
                Err(error) => println!("not renewed: {}", told(&error)),
            }
        }
        Some(until)
    });
    while !renews.is_finished() {
        if let Ok(Some(_)) = other.take(name, "other", TERM).await {
            let now = Instant::now();
            let until = renews.await.unwrap();
            assert!(
                until.is_none_or(|until| until < now),
                "taken over from a holder that renews"
            );
            return false;
        }
        let _ = timeout(TERM / 6, other.freed(name)).await;
    }
    renews.await.unwrap().is_some()
}

/// A sign of life that comes between another's last look and its take: of each take over, a whole term lies before it in which none was
/// sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_in_the_last_moment_makes_the_take_of_another_fail() {
    const TERM: Duration = Duration::from_millis(40);
    let server = etcd::Etcd::start();
    let (holder, other) = (patient(&server), patient(&server));
    let (mut renewals, mut number) = (0, 0);
    while renewals < 20 {
        number += 1;
        assert!(number < 3000, "{renewals} renewals in time");
        let name = format!("n{number}");
        let Ok(Some(grant)) = holder.take(&name, "holder", TERM).await else {
            continue;
        };
        let taking = {
            let (other, name) = (other.clone(), name.clone());
            tokio::spawn(async move {
                // It waits for the end of the term within the call.
                let taken = other.take(&name, "other", self::TERM).await.unwrap();
                taken.map(|_| Instant::now())
            })
        };
        sleep(Duration::from_micros(fastrand::u64(30_000..40_000))).await;
        let mut last = None;
        let sent = Instant::now();
        if let Ok(true) = holder.renew(&grant, TERM).await {
            last = Some(sent);
            renewals += 1;
        }
        let taken = taking.await.unwrap();
        if let (Some(sent), Some(taken)) = (last, taken) {
            assert!(
                taken - sent >= TERM,
                "taken {:?} after a renewal",
                taken - sent
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_given_back_is_told_at_once_and_no_compaction_hides_it() {
    let server = etcd::Etcd::start();
    let (holder, other) = (patient(&server), patient(&server));
    for compacted in [false, true] {
        let grant = taken(&holder, "n", "holder", TERM).await;
        let point = point(u64::from(compacted), 0);
        assert!(holder.begin("n", &point).await.unwrap());
        assert_eq!(other.take("n", "other", TERM).await.unwrap(), None);
        if compacted {
            // The watch is to begin where the other has looked, which is gone then.
            for _ in 0..3 {
                assert!(holder.renew(&grant, TERM).await.unwrap());
            }
            let written = holder.write().put("more", "").commit().await.unwrap();
            let compaction = format!(r#"{{"revision":"{written}"}}"#);
            let done = server.ask(0, "/v3/kv/compaction", &compaction);
            assert!(done.contains("200 OK"), "{done}");
        }
        assert!(holder.renew(&grant, TERM).await.unwrap());
        let waits = {
            let other = other.clone();
            tokio::spawn(async move {
                loop {
                    timeout(SOON, other.freed("n")).await.expect("no hint");
                    if let Some(grant) = other.take("n", "other", TERM).await.unwrap() {
                        return (grant, Instant::now());
                    }
                }
            })
        };
        sleep(SHORT).await;
        assert!(holder.end("n", &point).await.unwrap());
        let given = Instant::now();
        assert!(holder.give_back(&grant).await.unwrap());
        let (next, at) = waits.await.unwrap();
        println!("told and taken after {:?}", at - given);
        assert!(at - given < TERM / 3, "after {:?}", at - given);
        assert!(next.token > grant.token);
        assert!(other.give_back(&next).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_a_lease_is_told_and_to_ask_for_it_changes_nothing() {
    let server = etcd::Etcd::start();
    let (store, other) = (patient(&server), patient(&server));
    let leader = async |name: &str| other.leader(name).await.unwrap();
    assert_eq!(leader("n").await, None);
    let grant = taken(&store, "n", "me", TERM).await;
    assert_eq!(leader("n").await, Some(grant.clone()));
    assert!(store.renew(&grant, TERM).await.unwrap());
    assert_eq!(store.leader("n").await.unwrap(), Some(grant.clone()));

    // That it was given back is told to one who has seen so meanwhile.
    assert_eq!(other.take("n", "other", TERM).await.unwrap(), None);
    assert!(store.give_back(&grant).await.unwrap());
    assert_eq!(leader("n").await, None);
    timeout(SOON, other.freed("n")).await.expect("no hint");

    // Where the sign of life was removed, a take begins to wait, whoever asked before.
    let grant = taken(&store, "n", "me", TERM).await;
    let removed = store.write().delete("lifecycle/n/alive").commit().await;
    removed.unwrap();
    assert_eq!(leader("n").await, Some(grant));
    assert_eq!(other.take("n", "other", TERM).await.unwrap(), None);

    // Of one that is gone it is told for a term, for as long as others wait for it.
    let gone = taken(&store, "gone", "me", SHORT).await;
    let asked = Instant::now();
    let told = leader("gone").await;
    assert!(told == Some(gone) || asked.elapsed() >= SHORT, "{told:?}");
    while leader("gone").await.is_some() {
        assert!(asked.elapsed() < SOON, "told of one that is gone");
    }
}

#[tokio::test]
async fn malformed_endpoints_are_permanent_and_an_absent_server_is_not() {
    let error = Etcd::connect("").take("x", "me", TERM).await;
    let error = told(&error.unwrap_err());
    assert!(
        error.starts_with("permanent: `` is no endpoint of etcd: it is empty"),
        "{error}"
    );
    let away = Etcd::connect("http://127.0.0.1:1").timeout(SHORT);
    let error = told(&away.take("x", "me", TERM).await.unwrap_err());
    assert!(
        error.starts_with("can't connect to etcd at 127.0.0.1:1: "),
        "{error}"
    );
    // Where something is written that is not ours.
    let server = etcd::Etcd::start();
    let store = Etcd::connect(server.endpoints());
    store
        .write()
        .put("lifecycle/n/point", "x")
        .commit()
        .await
        .unwrap();
    let error = told(&store.last("n").await.unwrap_err());
    assert!(
        error.starts_with("the key `lifecycle/n/point` holds nothing"),
        "{error}"
    );
}

/// Users, as an administrator sets them up with `etcdctl`.
fn enable_users(server: &etcd::Etcd) -> String {
    let key = STANDARD.encode("lifecycle/test/");
    let end = STANDARD.encode("lifecycle/test0");
    for (path, body) in [
        ("user/add", r#"{"name":"root","password":"r"}"#.to_owned()),
        ("role/add", r#"{"name":"root"}"#.to_owned()),
        ("user/grant", r#"{"user":"root","role":"root"}"#.to_owned()),
        (
            "user/add",
            r#"{"name":"app","password":"secret"}"#.to_owned(),
        ),
        ("role/add", r#"{"name":"app"}"#.to_owned()),
        (
            "role/grant",
            format!(
                r#"{{"name":"app","perm":{{"permType":"READWRITE","key":"{key}","range_end":"{end}"}}}}"#
            ),
        ),
        ("user/grant", r#"{"user":"app","role":"app"}"#.to_owned()),
        ("enable", "{}".to_owned()),
    ] {
        let done = server.ask(0, &format!("/v3/auth/{path}"), &body);
        assert!(done.contains("200 OK"), "{path}: {done}");
    }
    root_token(server)
}

fn root_token(server: &etcd::Etcd) -> String {
    let root = r#"{"name":"root","password":"r"}"#;
    let answer = server.ask(0, "/v3/auth/authenticate", root);
    let (_, token) = answer.split_once("\"token\":\"").unwrap();
    token.split_once('"').unwrap().0.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_needs_the_right_password_and_a_role_for_the_prefix_and_signs_in_again() {
    let server = etcd::Etcd::start();
    let anybody = Etcd::connect(server.endpoints());
    let app = anybody.clone().user("app", "secret");
    // As etcdctl does, before users are enabled.
    let early = app.take("test/early", "me", TERM).await.unwrap();
    assert!(early.is_some());
    let token = enable_users(&server);

    let wrong = anybody.clone().user("app", "wrong");
    let error = told(&wrong.take("test/n", "me", TERM).await.unwrap_err());
    assert!(
        error.starts_with("permanent: etcd failed to sign in: "),
        "{error}"
    );
    assert!(error.contains("invalid user ID or password"), "{error}");
    let error = told(&anybody.take("test/n", "me", TERM).await.unwrap_err());
    assert!(
        error.starts_with("permanent: etcd failed to take a lease: "),
        "{error}"
    );
    assert!(error.contains("user name is empty"), "{error}");
    let error = told(&app.take("other/n", "me", TERM).await.unwrap_err());
    assert!(
        error.starts_with("permanent: ") && error.contains("permission denied"),
        "{error}"
    );

    let grant = taken(&app, "test/n", "me", TERM).await;
    assert!(app.renew(&grant, TERM).await.unwrap());
    assert!(app.begin("test/n", &point(0, 0)).await.unwrap());
    let other = anybody.clone().user("app", "secret");
    assert_eq!(other.take("test/n", "other", TERM).await.unwrap(), None);
    let waits = tokio::spawn(async move { timeout(SOON, other.freed("test/n")).await });

    // Another revision of the users makes tokens old, and a start anew forgets them.
    let more = r#"{"name":"more","password":"m"}"#;
    let done = server.ask_as(&token, "/v3/auth/user/add", more);
    assert!(done.contains("200 OK"), "{done}");
    assert!(app.renew(&grant, TERM).await.unwrap());
    sleep(SHORT).await;
    assert!(app.give_back(&grant).await.unwrap());
    waits.await.unwrap().expect("no hint for a user");
    let grant = taken(&app, "test/n", "me", TERM).await;
    server.crash(0);
    server.start_again(0);
    assert!(app.renew(&grant, TERM).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_loses_its_leader_goes_on_and_one_that_is_frozen_is_left() {
    let server = etcd::Etcd::cluster(3);
    // An election takes some seconds on a busy machine.
    let store = patient(&server);
    let term = TERM * 10;
    let grant = taken(&store, "n", "me", term).await;
    assert!(store.begin("n", &point(0, 0)).await.unwrap());

    let leader = server.leader();
    server.crash(leader);
    let began = Instant::now();
    assert!(store.renew(&grant, term).await.unwrap());
    assert!(store.end("n", &point(0, 0)).await.unwrap());
    println!("renewed {:?} after the leader was lost", began.elapsed());
    server.start_again(leader);
    server.leader();

    // Half of a call's time is for the member that is asked first.
    let store = store.timeout(SOON / 2);
    // What the store asks now is frozen: it accepts connections, and says nothing.
    for member in 0..3 {
        server.signal(member, "-STOP");
        let renewed = store.renew(&grant, term).await;
        assert!(
            renewed.unwrap(),
            "not renewed while member {member} is frozen"
        );
        server.signal(member, "-CONT");
        server.leader();
    }
    assert!(store.give_back(&grant).await.unwrap());
    assert!(taken(&store, "n", "me", TERM).await.token > grant.token);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_grow_and_points_stay_when_etcd_is_killed_and_started_again() {
    let server = etcd::Etcd::start();
    let store = Etcd::connect(server.endpoints());
    let mut grant = taken(&store, "n", "me", TERM).await;
    for round in 0..3 {
        assert!(store.begin("n", &point(round, 0)).await.unwrap());
        server.crash(0);
        let asked = Instant::now();
        let away = store.clone().timeout(SHORT).renew(&grant, TERM).await;
        let error = told(&away.unwrap_err());
        assert!(error.starts_with("can't connect to etcd"), "{error}");
        assert!(asked.elapsed() < SOON);
        server.start_again(0);
        assert!(store.renew(&grant, TERM).await.unwrap());
        assert!(!store.begin("n", &point(round, 0)).await.unwrap());
        assert!(store.end("n", &point(round, 0)).await.unwrap());
        assert!(store.give_back(&grant).await.unwrap());
        let next = taken(&store, "n", "me", TERM).await;
        assert!(next.token > grant.token);
        grant = next;
    }
}

/// Passes requests on, and so many answers back; the others are lost, as when a network is cut between the two.
async fn deaf_after(answers: usize, port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listens = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let answering = async {
            let mut answer = [0; 4096];
            let mut number = 0;
            loop {
                let read = from_server.read(&mut answer).await.unwrap_or(0);
                if read == 0 {
                    return;
                }
                // The rest of one begins otherwise.
                number += usize::from(answer.starts_with(b"HTTP/"));
                if number <= answers {
                    to_client.write_all(&answer[..read]).await.unwrap();
                }
            }
        };
        let _ = tokio::join!(copy(&mut from_client, &mut to_server), answering);
    });
    listens
}

#[tokio::test(flavor = "multi_thread")]
async fn what_etcd_has_done_and_not_told_is_known_again_when_it_is_asked_elsewhere() {
    let server = etcd::Etcd::start();
    let direct = patient(&server);
    // Asks there first, and at the server itself when no answer comes.
    let deaf_after = async |answers| {
        let deaf = deaf_after(answers, server.port(0)).await;
        let endpoints = format!("{},{}", server.at(deaf), server.endpoints());
        Etcd::connect(endpoints).timeout(Duration::from_secs(6))
    };
    // The question is answered, and what is done by it is not told.
    let grant = taken(&deaf_after(1).await, "n", "me", TERM).await;
    assert_eq!(direct.take("n", "other", TERM).await.unwrap(), None);
    let write = direct.write().fence_grant(&grant).put("job", "");
    write.commit().await.unwrap();
    assert!(deaf_after(0).await.renew(&grant, TERM).await.unwrap());
    assert!(deaf_after(1).await.begin("n", &point(0, 0)).await.unwrap());
    assert!(!direct.begin("n", &point(0, 0)).await.unwrap());
    assert!(deaf_after(1).await.end("n", &point(0, 0)).await.unwrap());
    // A user's write is not sent twice.
    let write = deaf_after(0).await.write().put("job", "mine");
    let error = write.commit().await.unwrap_err();
    assert!(matches!(error, EtcdError::Silent { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_for_a_caller_that_has_gone_is_given_back() {
    let server = etcd::Etcd::start();
    let (store, other) = (patient(&server), patient(&server));
    let (mut gone, mut number) = (0, 0);
    while gone < 25 {
        number += 1;
        let name = format!("n{number}");
        let patience = Duration::from_micros(fastrand::u64(..4000));
        if timeout(patience, store.take(&name, "gone", TERM))
            .await
            .is_ok()
        {
            continue;
        }
        gone += 1;
        // What was under way for it has ended.
        sleep(SHORT / 2).await;
        let began = Instant::now();
        while other.take(&name, "other", TERM).await.unwrap().is_none() {
            assert!(began.elapsed() < TERM / 2, "it stays taken for nobody");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_dropped_unread_leaves_no_lease_behind() {
    let server = etcd::Etcd::start();
    let (store, other) = (patient(&server), patient(&server));
    replica_tests::drop_an_answer_unread(&store, &other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fenced_write_of_an_old_holder_is_refused_and_one_without_fence_is_not() {
    let server = etcd::Etcd::start();
    let (old, new) = (patient(&server), patient(&server));
    let stale = taken(&old, "n", "old", SHORT).await;
    let write = |grant: &Grant| old.write().fence_grant(grant).put("job", "old");
    write(&stale).commit().await.unwrap();
    // Over, and nobody has taken it: it is the holder's still.
    sleep(SHORT).await;
    write(&stale).delete("nothing").commit().await.unwrap();
    let newest = taken(&new, "n", "new", TERM).await;
    let error = write(&stale).commit().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the lease `n` was taken over: this replica had token {}, `new` has it now",
            stale.token
        )
    );
    new.write()
        .fence_grant(&newest)
        .put("job", "new")
        .commit()
        .await
        .unwrap();
    // A renewal changes nothing of the fence.
    assert!(new.renew(&newest, TERM).await.unwrap());
    new.write()
        .fence_grant(&newest)
        .put("job", "new")
        .commit()
        .await
        .unwrap();

    // By another client: the key, and the token as its revision.
    let key = STANDARD.encode(new.lease_key("n"));
    let read = server.ask(0, "/v3/kv/range", &format!(r#"{{"key":"{key}"}}"#));
    let revision = format!("\"mod_revision\":\"{}\"", newest.token);
    assert!(read.contains(&revision), "{read}");

    assert!(new.give_back(&newest).await.unwrap());
    let error = new
        .write()
        .fence_grant(&newest)
        .put("job", "new")
        .commit()
        .await;
    assert_eq!(
        error.unwrap_err().to_string(),
        format!(
            "the lease `n` was taken over: this replica had token {}, and nobody has it now",
            newest.token
        )
    );
    // What the tests above would show if the fence did nothing.
    old.write().put("job", "stale").commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_point_is_ended_with_what_is_written_or_neither_is() {
    let server = etcd::Etcd::start();
    let store = Etcd::connect(server.endpoints());
    let write = |point: &Point| store.write().put("job", "done").once_point("n", point);
    let refused = |error: EtcdError| matches!(error, EtcdError::NotOurs(_));
    assert!(refused(write(&point(0, 0)).commit().await.unwrap_err()));
    assert!(store.begin("n", &point(0, 0)).await.unwrap());
    assert!(refused(write(&point(0, 1)).commit().await.unwrap_err()));
    write(&point(0, 0)).commit().await.unwrap();
    assert!(store.last("n").await.unwrap().unwrap().ended);
    assert!(refused(write(&point(0, 0)).commit().await.unwrap_err()));
    assert!(!store.begin("n", &point(0, 1)).await.unwrap());
    // The end by the library comes after, and is no error.
    assert!(store.end("n", &point(0, 0)).await.unwrap());

    // With a fence as well, of which either may refuse.
    assert!(store.begin("n", &point(1, 0)).await.unwrap());
    let grant = taken(&store, "n", "me", TERM).await;
    let both = || write(&point(1, 0)).fence_grant(&grant);
    both().commit().await.unwrap();
    assert!(refused(both().commit().await.unwrap_err()));
    assert!(store.begin("n", &point(2, 0)).await.unwrap());
    assert!(store.give_back(&grant).await.unwrap());
    let error = write(&point(2, 0)).fence_grant(&grant).commit().await;
    assert!(matches!(error, Err(EtcdError::TakenOver { .. })));
    assert!(!store.last("n").await.unwrap().unwrap().ended);
}

/// Whoever removes the keys of a lease by hand frees it, and the holder is told so by its next renewal.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_removed_by_hand_is_free_and_a_lost_sign_of_life_is_no_end() {
    let server = etcd::Etcd::start();
    let store = Etcd::connect(server.endpoints());
    let other = Etcd::connect(server.endpoints());
    let grant = taken(&store, "n", "me", TERM).await;
    store
        .write()
        .delete("lifecycle/n/alive")
        .commit()
        .await
        .unwrap();
    assert_eq!(other.take("n", "other", TERM).await.unwrap(), None);
    assert!(store.renew(&grant, TERM).await.unwrap());
    store
        .write()
        .delete("lifecycle/n/holder")
        .commit()
        .await
        .unwrap();
    assert!(!store.renew(&grant, TERM).await.unwrap());
    assert!(taken(&other, "n", "other", TERM).await.token > grant.token);
}
