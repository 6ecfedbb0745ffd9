//! What each service does, and when: on the paused clock where it needs none but its own, on sockets where it listens.

use std::{
    collections::BTreeSet,
    fs, mem,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use lifecycle::{
    Group, Handle, Intake, Reason, Registry, Running, State, registry, testing::WallClock,
};
use serde_json::json;
use signoz::{
    domain::{
        agents::Agents,
        alerts::{Alert, Receivers},
        analytics as tracked, audit, authz as roles,
        licenses::{BASIC, Licenses},
        meters::Meters,
        rules::{Rule, Rules},
        stats::Stats,
        store::Store,
        telemetry::Telemetry,
        tokens::{JwtTokens, OpaqueTokens, Tokens},
        usage::Usage as Uploads,
        users::Users,
    },
    services::{
        alertmanager::Alertmanager, analytics::Analytics, auditor::Auditor, authz::Authz,
        batcher::Batcher, instrumentation::Instrumentation, licensing::Licensing,
        meter_reporter::MeterReporter, migrator::Migrator, opamp::OpAmp, pprof::Pprof,
        ruler::Ruler, stats_reporter::StatsReporter, tokenizer::Counted,
        tokenizer_jwt::JwtTokenizer, tokenizer_opaque::OpaqueTokenizer, usage::Usage, user::User,
    },
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::cloud::{Recorded, empty_store, store};

/// A loopback address of its own for each test that frees a port and takes it again: no other test gets it in between.
const fn loopback(own: &'static str) -> &'static str {
    if cfg!(target_os = "linux") {
        own
    } else {
        "127.0.0.1:0"
    }
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);

async fn start(registry: Registry) -> Running {
    let running = registry.signals(false).start();
    running.await_healthy().await.unwrap();
    running
}

async fn stop(running: Running) {
    running.stop().await.into_result().unwrap();
}

fn state(handle: &Handle, service: &str) -> Option<State> {
    handle.status(service).map(|it| it.state)
}

/// The first column of the first row.
async fn query<T: rusqlite::types::FromSql + Send + 'static>(
    store: &Store,
    sql: &'static str,
) -> T {
    let query = store.call(move |db| db.query_row(sql, (), |row| row.get(0)));
    query.await.unwrap()
}

async fn execute(store: &Store, sql: &'static str) {
    let execute = store.call(move |db| db.execute_batch(sql));
    execute.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn instrumentation_writes_spans_while_it_runs_and_the_counters_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = Arc::new(Telemetry::new(folder.path().to_owned()));
    let read = |file: &str| fs::read_to_string(folder.path().join(file)).unwrap();
    for lines in 1..=2 {
        let instrumentation = Instrumentation(telemetry.clone());
        let running = start(registry! { "instrumentation" => instrumentation }).await;
        telemetry.span("a query");
        telemetry.count("queries");
        stop(running).await;
        telemetry.span("too late");
        assert_eq!(
            read("traces.jsonl").matches("\"name\":\"a query\"").count(),
            lines
        );
        assert!(read("metrics.jsonl").ends_with(&format!("{{\"queries\":{lines}}}\n")));
    }
}

/// Where writing fails: a full disk.
#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn the_counters_are_exported_though_the_spans_fail_and_both_errors_are_told() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let in_folder = |file: &str| folder.path().join(file);
    symlink("/dev/full", in_folder("traces.jsonl")).unwrap();
    let telemetry = Arc::new(Telemetry::new(folder.path().to_owned()));
    for errors in 1..=2 {
        let instrumentation = Instrumentation(telemetry.clone());
        let running = start(registry! { "instrumentation" => instrumentation }).await;
        telemetry.span("a query");
        if errors == 2 {
            fs::remove_file(in_folder("metrics.jsonl")).unwrap();
            symlink("/dev/full", in_folder("metrics.jsonl")).unwrap();
        }
        let outcome = running.stop().await;
        let told = outcome.failures()[0].to_string();
        assert_eq!(told.matches("No space left").count(), errors, "{told}");
        if errors == 1 {
            assert_eq!(
                fs::read_to_string(in_folder("metrics.jsonl")).unwrap(),
                "{}\n"
            );
        }
    }
}

#[tokio::test]
async fn pprof_waits_for_its_port_and_harms_nobody() {
    let port = TcpListener::bind(loopback("127.0.0.2:0")).await.unwrap();
    let address = port.local_addr().unwrap().to_string();
    let registry = registry! { "pprof" => Pprof { listen: address.clone() }, on_failure = ignore };
    let mut moves = registry.subscribe();
    let running = start(registry).await;
    assert_eq!(state(&running.handle(), "pprof"), Some(State::Starting));
    drop(port);
    while moves.recv().await.unwrap().to != State::Running {}

    let mut client = TcpStream::connect(&address).await.unwrap();
    let ask = b"GET /debug/pprof/runtime HTTP/1.1\r\nhost: pprof\r\nconnection: close\r\n\r\n";
    client.write_all(ask).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("\"tasks\":"), "{answer}");
    stop(running).await;
}

#[tokio::test(start_paused = true)]
async fn analytics_sends_what_its_callers_tracked_to_their_end() {
    let (cloud, store) = (Recorded::new(), store().await);
    let client = Arc::new(tracked::Analytics::new(cloud.clone()));
    let stats = Arc::new(Stats::new(store, client.clone()));
    let registry = registry! {
        "analytics" => Analytics { interval: 10 * HOUR, client: client.clone() },
        "statsreporter" => StatsReporter { interval: 6 * HOUR, stats }, after = ["analytics"],
    };
    let running = start(registry).await;
    client.track("login", &json!({}));
    sleep(13 * HOUR).await;
    stop(running).await;

    let batches = cloud.calls("/analytics").into_iter();
    let batches = batches.map(|(at, batch)| {
        let events = batch.as_array().unwrap().iter();
        let events = events.map(|it| it["event"].as_str().unwrap().to_owned());
        (at / 3600, events.collect::<Vec<_>>().join(" "))
    });
    // The last one is that of the reporter's drain, which comes before that of what it reports to.
    let expected = [
        (10, "login stats".to_owned()),
        (13, "stats stats".to_owned()),
    ];
    assert_eq!(batches.collect::<Vec<_>>(), expected);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_sent_is_sent_first_the_next_time() {
    let cloud = Recorded::new();
    let client = tracked::Analytics::new(cloud.clone());
    cloud.is_down(true);
    client.track("first", &json!({}));
    client.flush().await.unwrap_err();
    cloud.is_down(false);
    client.track("second", &json!({}));
    client.flush().await.unwrap();
    client.flush().await.unwrap();
    let calls = cloud.calls("/analytics");
    assert_eq!(calls.len(), 2);
    assert_eq!(
        (&calls[1].1[0]["event"], &calls[1].1[1]["event"]),
        (&json!("first"), &json!("second"))
    );
}

#[tokio::test(start_paused = true)]
async fn licensing_asks_at_once_and_gives_up_the_plan_after_three_failures() {
    let cloud = Recorded::new();
    let licenses = Arc::new(Licenses::new(cloud.clone(), store().await, 3));
    let service = Licensing {
        interval: HOUR,
        licenses: licenses.clone(),
    };
    let running = start(registry! { "licensing" => service }).await;
    sleep(SECOND).await;
    assert_eq!(licenses.plan(), "enterprise");

    cloud.is_down(true);
    sleep(2 * HOUR).await;
    assert_eq!(licenses.plan(), "enterprise");
    sleep(HOUR).await;
    assert_eq!(licenses.plan(), BASIC);
    cloud.is_down(false);
    sleep(HOUR).await;
    assert_eq!(licenses.plan(), "enterprise");
    assert_eq!(cloud.times("/license"), [0, 3600, 7200, 10800, 14400]);
    stop(running).await;
}

#[tokio::test(start_paused = true)]
async fn an_opaque_token_was_last_seen_when_the_database_says_so_after_a_tick_and_after_the_stop() {
    let (store, folder) = (store().await, tempfile::tempdir().unwrap());
    let telemetry = Arc::new(Telemetry::new(folder.path().to_owned()));
    let tokenizer = Arc::new(Counted {
        inner: Arc::new(OpaqueTokenizer {
            gc_interval: 30 * SECOND,
            tokens: OpaqueTokens::new(HOUR, store.clone()),
        }),
        telemetry,
    });
    let running = start(registry! { "tokenizer" => tokenizer.clone() }).await;
    let seen = "SELECT count(*) FROM token WHERE seen_at IS NOT NULL";
    let (first, second) = (
        tokenizer.issue("root").await.unwrap(),
        tokenizer.issue("root").await.unwrap(),
    );
    assert_eq!(tokenizer.observe(&first).await.unwrap(), "root");
    tokenizer.observe("forged").await.unwrap_err();
    assert_eq!(query::<i64>(&store, seen).await, 0);
    sleep(31 * SECOND).await;
    assert_eq!(query::<i64>(&store, seen).await, 1);

    // The decorator is what it decorates: a schedule, which can be asked for a tick.
    execute(&store, "UPDATE token SET seen_at = NULL").await;
    tokenizer.observe(&first).await.unwrap();
    running.handle().trigger("tokenizer").await.unwrap();
    assert_eq!(query::<i64>(&store, seen).await, 1);

    tokenizer.observe(&second).await.unwrap();
    stop(running).await;
    assert_eq!(query::<i64>(&store, seen).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_jwt_is_good_at_every_replica_with_its_secret() {
    let [here, there, elsewhere] = ["secret", "secret", "other"]
        .map(|secret| Arc::new(JwtTokenizer(JwtTokens::new(HOUR, secret))));
    let running = start(registry! { "tokenizer" => here.clone() }).await;
    let token = here.issue("root").await.unwrap();
    assert_eq!(there.observe(&token).await.unwrap(), "root");
    elsewhere.observe(&token).await.unwrap_err();
    stop(running).await;
}

#[tokio::test(start_paused = true)]
async fn authz_answers_while_it_runs_and_root_is_reconciled_when_it_is_restarted() {
    let store = store().await;
    let authz = Arc::new(roles::Authz::new(
        store.clone(),
        "admin: read write\nviewer: read",
    ));
    let users = Arc::new(Users::new(store.clone(), authz.clone(), "root", "key"));
    authz.may("root", "read").unwrap_err();
    let registry = registry! {
        "authz" => Authz(authz.clone()),
        "user" => User(users.clone()), after = ["authz"], restart_with = ["authz"],
    };
    let running = start(registry).await;
    assert!(authz.may("root", "write").unwrap());
    assert!(!authz.may("root", "manage").unwrap());
    assert_eq!(users.sign_in("key").await.unwrap().as_deref(), Some("root"));

    authz.grant("root", "viewer").unwrap();
    running.handle().restart("authz").await.unwrap();
    running.await_healthy().await.unwrap();
    assert!(authz.may("root", "write").unwrap());
    stop(running).await;
    authz.may("root", "read").unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_wrong_ends_the_application_before_it_begins() {
    let authz = Arc::new(roles::Authz::new(store().await, "admin"));
    let running = registry! { "authz" => Authz(authz) }.signals(false).start();
    let Reason::Failure(error) = running.wait().await else {
        panic!("it is a failure");
    };
    assert_eq!(
        error.to_string(),
        "service `authz` failed in startup: the line `admin` of the model is not `role: action action ..`"
    );
}

#[tokio::test(start_paused = true)]
async fn user_tries_every_ten_seconds_for_ever_until_the_database_is_there() {
    let store = empty_store();
    let authz = Arc::new(roles::Authz::new(store.clone(), "admin: read"));
    let users = Arc::new(Users::new(store.clone(), authz.clone(), "root", "key"));
    let registry = registry! { "user" => User(users), start_timeout = Duration::MAX };
    let running = registry.signals(false).start();
    let began = Instant::now();
    sleep(1005 * SECOND).await;
    assert_eq!(state(&running.handle(), "user"), Some(State::Starting));
    store.migrate().await.unwrap();
    authz.load().await.unwrap();
    running.await_healthy().await.unwrap();
    let took = began.elapsed();
    assert!((1005..=1015).contains(&took.as_secs()), "{took:?}");
    stop(running).await;
}

#[tokio::test(start_paused = true)]
async fn the_audit_log_is_written_in_batches_and_closed_after_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let (intake, file) = (
        Intake::bounded(1000),
        Arc::new(audit::AuditFile::new(path.clone())),
    );
    let auditor = Auditor {
        size: 100,
        interval: SECOND,
        intake: intake.clone(),
        file: file.clone(),
    };
    let running = start(registry! { "auditor" => auditor }).await;
    let lines = || fs::read_to_string(&path).unwrap().lines().count();
    let event = |action: &str| audit::AuditEvent {
        user: "root".into(),
        action: action.into(),
    };

    intake.send(event("login")).await.unwrap();
    sleep(SECOND / 2).await;
    assert_eq!(lines(), 0);
    sleep(SECOND).await;
    assert_eq!(lines(), 1);
    for _ in 0..250 {
        intake.send(event("event")).await.unwrap();
    }
    sleep(SECOND / 2).await;
    assert_eq!(lines(), 201);
    stop(running).await;
    assert_eq!(lines(), 251);
    file.write(&[event("late")]).await.unwrap_err();
    intake.send(event("late")).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn an_audit_log_that_can_t_be_written_costs_batches_and_not_the_application() {
    let folder = tempfile::tempdir().unwrap();
    let (intake, file) = (
        Intake::bounded(10),
        Arc::new(audit::AuditFile::new(folder.path().join("audit.jsonl"))),
    );
    let auditor = Auditor {
        size: 1,
        interval: SECOND,
        intake: intake.clone(),
        file: file.clone(),
    };
    let running = start(registry! { "auditor" => auditor }).await;
    file.close().await.unwrap();
    intake
        .send(audit::AuditEvent {
            user: "root".into(),
            action: "login".into(),
        })
        .await
        .unwrap();
    sleep(60 * SECOND).await;
    let status = running.handle().status("auditor").unwrap();
    assert_eq!(
        (status.state, status.queue.unwrap().lost),
        (State::Running, 1)
    );
    let outcome = running.stop().await;
    assert!(outcome.laggards().is_empty());
}

#[tokio::test(start_paused = true)]
async fn meters_are_reported_at_random_moments_of_each_interval_and_each_event_once() {
    let (cloud, store) = (Recorded::new(), store().await);
    let reporter = MeterReporter {
        interval: 6 * HOUR,
        jitter: HOUR,
        meters: Arc::new(Meters::new(store.clone(), cloud.clone())),
    };
    let running = start(registry! { "meterreporter" => reporter }).await;
    for _ in 0..3 {
        store.add_event("click".into()).await.unwrap();
    }
    // The fourth tick comes after 20 to 24 hours, and the fifth after at least 25.
    sleep(24 * HOUR + SECOND).await;
    stop(running).await;
    let calls = cloud.calls("/meters");
    let bodies = calls
        .iter()
        .map(|(_, body)| body["events"].as_i64().unwrap());
    assert_eq!(bodies.collect::<Vec<_>>(), [3, 0, 0, 0]);
    let mut before = 0;
    let gaps = calls
        .iter()
        .map(|(at, _)| at - mem::replace(&mut before, *at));
    let gaps: Vec<_> = gaps.collect();
    let early = |gap: &u64| (5 * 3600 - 1..6 * 3600 - 60).contains(gap);
    assert!(
        gaps.iter()
            .all(|gap| early(gap) || (6 * 3600 - 60..=6 * 3600 + 1).contains(gap)),
        "{gaps:?}"
    );
    // That all four are less than a minute early happens once in ten million times.
    assert!(gaps.iter().any(early), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_heard_is_told_again() {
    let (cloud, store) = (Recorded::new(), store().await);
    let meters = Meters::new(store.clone(), cloud.clone());
    store.add_event("click".into()).await.unwrap();
    cloud.is_down(true);
    meters.report().await.unwrap_err();
    cloud.is_down(false);
    meters.report().await.unwrap();
    meters.report().await.unwrap();
    let told: Vec<_> = cloud
        .calls("/meters")
        .into_iter()
        .map(|(_, body)| body)
        .collect();
    assert_eq!(
        told,
        [
            json!({ "events": 1 }),
            json!({ "events": 1 }),
            json!({ "events": 0 })
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn usage_is_uploaded_at_the_start_at_its_hour_and_at_the_end() {
    let (cloud, store) = (Recorded::new(), store().await);
    let usage = Usage {
        cron: "0 3 * * *".into(),
        tz: "UTC".into(),
        uploads: Arc::new(Uploads::new(store, cloud.clone())),
    };
    let clock = WallClock::new(SystemTime::UNIX_EPOCH + HOUR);
    let running = start(registry! { "usage" => usage }.wall_clock(clock)).await;
    sleep(48 * HOUR + HOUR / 2).await;
    stop(running).await;
    let (hour, half) = (3600, 1800);
    assert_eq!(
        cloud.times("/usage"),
        [0, 2 * hour, 26 * hour, 48 * hour + half]
    );
}

fn rule(name: &str, threshold: i64) -> Rule {
    Rule {
        name: name.into(),
        organization: "default".into(),
        event: "error".into(),
        threshold,
        frequency_ms: 60_000,
    }
}

struct Alerting {
    cloud: Arc<Recorded>,
    store: Arc<Store>,
    ruler: Arc<Ruler>,
    running: Running,
}

impl Alerting {
    async fn start() -> Self {
        Self::on(store().await).await
    }

    async fn on(store: Arc<Store>) -> Self {
        let cloud = Recorded::new();
        let receivers = Arc::new(Receivers::new(store.clone(), cloud.clone()));
        let (servers, tasks, alerts) = (Group::new(), Group::new(), Intake::bounded(100));
        let ruler = Arc::new(Ruler {
            rules: Arc::new(Rules::new(store.clone())),
            tasks: tasks.clone(),
            alerts: alerts.clone(),
            edits: tokio::sync::Mutex::default(),
        });
        let registry = registry! {
            "servers" => servers.clone(),
            "alertmanager" => Alertmanager {
                poll: 30 * SECOND,
                maintenance: 300 * SECOND,
                receivers: receivers.clone(),
                servers,
            }, after = ["servers"],
            "batcher" => Batcher { size: 64, intake: alerts, receivers }, after = ["servers"],
            "rules" => tasks, after = ["batcher"],
            "ruler" => ruler.clone(), after = ["rules"],
        };
        let running = start(registry).await;
        Self {
            cloud,
            store,
            ruler,
            running,
        }
    }

    async fn errors(&self, count: usize) {
        for _ in 0..count {
            self.store.add_event("error".into()).await.unwrap();
        }
    }

    fn members(&self, group: &str) -> Vec<String> {
        let states = self.running.handle().states();
        let prefix = format!("{group}/");
        let members = states.iter().filter_map(|it| it.name.strip_prefix(&prefix));
        members.map(str::to_owned).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn each_organization_has_a_server_that_comes_and_goes_with_it() {
    let it = Alerting::start().await;
    assert_eq!(it.members("servers"), ["default"]);
    execute(
        &it.store,
        "INSERT INTO organization (id, receiver) VALUES ('acme', '/notify/acme')",
    )
    .await;
    assert_eq!(it.members("servers"), ["default"]);
    sleep(31 * SECOND).await;
    assert_eq!(it.members("servers"), ["default", "acme"]);

    execute(&it.store, "DELETE FROM organization WHERE id = 'default'").await;
    sleep(30 * SECOND).await;
    assert_eq!(it.members("servers"), ["acme"]);
    stop(it.running).await;
    let snapshot: String = query(&it.store, "SELECT snapshot FROM organization").await;
    assert_eq!(snapshot, "{}");
}

#[tokio::test(start_paused = true)]
async fn a_rule_alerts_its_organization_once_and_not_again_after_a_restart() {
    let it = Alerting::start().await;
    it.ruler.save(rule("errors", 2)).await.unwrap();
    it.errors(2).await;
    sleep(61 * SECOND).await;
    assert_eq!(it.cloud.times("/notify/default").len(), 0);
    it.errors(1).await;
    sleep(180 * SECOND).await;
    let alert = Alert {
        organization: "default".into(),
        rule: "errors".into(),
        value: 3,
    };
    let told: Vec<_> = it
        .cloud
        .calls("/notify/default")
        .into_iter()
        .map(|(_, body)| body)
        .collect();
    assert_eq!(told, [json!(alert)]);
    let store = it.store.clone();
    stop(it.running).await;

    // The rule and what was told are in the database.
    let it = Alerting::on(store).await;
    assert_eq!(it.members("rules"), ["errors"]);
    sleep(180 * SECOND).await;
    assert_eq!(it.cloud.calls("/notify/default"), []);
    stop(it.running).await;
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_changes_is_another_server_with_what_the_one_before_knew() {
    let it = Alerting::start().await;
    it.ruler.save(rule("errors", 0)).await.unwrap();
    it.errors(1).await;
    sleep(90 * SECOND).await;
    assert_eq!(it.cloud.calls("/notify/default").len(), 1);
    execute(
        &it.store,
        "UPDATE organization SET receiver = '/notify/elsewhere'",
    )
    .await;
    sleep(90 * SECOND).await;
    assert_eq!(it.cloud.calls("/notify/elsewhere"), []);
    it.errors(1).await;
    sleep(90 * SECOND).await;
    assert_eq!(it.cloud.calls("/notify/elsewhere").len(), 1);
    stop(it.running).await;
}

#[tokio::test(start_paused = true)]
async fn rules_are_evaluated_at_multiples_of_their_frequency_and_can_be_paused_and_deleted() {
    let it = Alerting::start().await;
    let rule = rule("errors", 0);
    let slot = rule.until_slot();
    let saved = Instant::now();
    it.ruler.save(rule).await.unwrap();
    let handle = it.running.handle();
    let next = handle.upcoming("rules/errors", 1).unwrap()[0];
    let wait = next.at.duration_since(saved);
    assert!(
        wait <= slot && wait + SECOND > slot.saturating_sub(SECOND),
        "{wait:?} of {slot:?}"
    );

    handle.pause("rules/errors").unwrap();
    sleep(600 * SECOND).await;
    assert_eq!(handle.runs("rules/errors").unwrap().len(), 0);
    handle.resume("rules/errors").unwrap();
    sleep(61 * SECOND).await;
    assert!(!handle.runs("rules/errors").unwrap().is_empty());

    it.ruler.delete("errors").await.unwrap();
    assert!(it.members("rules").is_empty());
    it.ruler.delete("errors").await.unwrap();
    stop(it.running).await;
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_is_edited_from_many_sides_has_one_task_that_of_its_row() {
    let it = Alerting::start().await;
    let mut edits = JoinSet::new();
    for threshold in 0..20 {
        let ruler = it.ruler.clone();
        edits.spawn(async move {
            ruler.save(rule("errors", threshold)).await.unwrap();
            if threshold % 5 == 0 {
                ruler.delete("errors").await.unwrap();
            }
            ruler.save(rule("errors", threshold)).await.unwrap();
        });
    }
    while let Some(edited) = edits.join_next().await {
        edited.unwrap();
    }
    assert_eq!(it.members("rules"), ["errors"]);

    // As many errors as the row says are not enough; one more is.
    let threshold = query::<i64>(&it.store, "SELECT threshold FROM rule").await;
    it.errors(usize::try_from(threshold).unwrap()).await;
    it.running.handle().trigger("rules/errors").await.unwrap();
    it.errors(1).await;
    it.running.handle().trigger("rules/errors").await.unwrap();
    sleep(2 * SECOND).await;
    let told = it.cloud.calls("/notify/default");
    assert_eq!(
        (told.len(), &told[0].1["value"]),
        (1, &json!(threshold + 1))
    );
    stop(it.running).await;
}

#[tokio::test(start_paused = true)]
async fn the_oldest_alerts_make_room_while_a_receiver_is_down() {
    let (cloud, store) = (Recorded::new(), store().await);
    let receivers = Arc::new(Receivers::new(store.clone(), cloud.clone()));
    let (servers, intake) = (Group::new(), Intake::bounded(3));
    let registry = registry! {
        "servers" => servers.clone(),
        "alertmanager" => Alertmanager {
            poll: HOUR,
            maintenance: HOUR,
            receivers: receivers.clone(),
            servers,
        }, after = ["servers"],
        "batcher" => Batcher { size: 1, intake: intake.clone(), receivers }, after = ["servers"],
    };
    let running = start(registry).await;
    cloud.is_down(true);
    for value in 0..10 {
        let alert = Alert {
            organization: "default".into(),
            rule: format!("rule-{value}"),
            value,
        };
        intake.send(alert).await.unwrap();
        sleep(Duration::from_millis(1)).await;
    }
    cloud.is_down(false);
    sleep(60 * SECOND).await;
    let calls = cloud.calls("/notify/default");
    let values: BTreeSet<_> = calls.iter().map(|(_, it)| it["value"].as_i64()).collect();
    // The first was in flight.
    assert_eq!(values, [0, 7, 8, 9].map(Some).into());
    stop(running).await;
}

#[tokio::test(start_paused = true)]
async fn the_migrator_waits_for_another_replica_and_what_needs_the_database_for_the_migrator() {
    let store = empty_store();
    assert!(store.try_lock().await.unwrap());
    let authz = Arc::new(roles::Authz::new(store.clone(), "admin: read"));
    let registry = registry! {
        "migrator" => Migrator(store.clone()), start_timeout = "30s",
        "authz" => Authz(authz), after = ["migrator"],
    };
    let running = registry.signals(false).start();
    sleep(10 * SECOND).await;
    assert_eq!(state(&running.handle(), "authz"), Some(State::Waiting));
    store.unlock().await.unwrap();
    running.await_healthy().await.unwrap();
    assert_eq!(state(&running.handle(), "migrator"), Some(State::Stopped));
    assert!(store.try_lock().await.unwrap());
    stop(running).await;
}

#[tokio::test(start_paused = true)]
async fn the_migrator_does_not_wait_for_ever() {
    let store = empty_store();
    assert!(store.try_lock().await.unwrap());
    let registry = registry! { "migrator" => Migrator(store), start_timeout = "30s" };
    let began = Instant::now();
    let outcome = registry.signals(false).run().await;
    assert_eq!((outcome.exit_code(), began.elapsed().as_secs()), (1, 30));
}

#[tokio::test]
async fn agents_are_told_their_configuration_when_they_come_and_when_it_changes() {
    let address = {
        let port = TcpListener::bind(loopback("127.0.0.3:0")).await.unwrap();
        port.local_addr().unwrap().to_string()
    };
    let agents = Arc::new(Agents::default());
    let opamp = OpAmp {
        listen: address.clone(),
        agents: agents.clone(),
    };
    let running = start(registry! { "opamp" => opamp }).await;
    let mut agent = BufReader::new(TcpStream::connect(&address).await.unwrap());
    agent.write_all(b"collector-1 0.9\n").await.unwrap();
    let mut line = String::new();
    agent.read_line(&mut line).await.unwrap();
    assert_eq!(line, "receivers: []\n");
    assert_eq!(
        agents.list().into_values().collect::<Vec<_>>(),
        ["collector-1 0.9"]
    );

    agents.configure("receivers: [otlp]");
    line.clear();
    agent.read_line(&mut line).await.unwrap();
    assert_eq!(line, "receivers: [otlp]\n");

    // One that says nothing of itself is nobody's failure.
    let mut wrong = TcpStream::connect(&address).await.unwrap();
    wrong.write_all(b"\n").await.unwrap();
    assert_eq!(wrong.read(&mut [0; 8]).await.unwrap(), 0);
    stop(running).await;
    line.clear();
    assert_eq!(agent.read_line(&mut line).await.unwrap(), 0);
    assert!(agents.list().is_empty());
}

/// The registry of the whole application names every service, and starts with the defaults.
#[tokio::test]
async fn the_application_starts_is_healthy_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let settings = format!(
        "data = {:?}\nops.listen = \"127.0.0.1:0\"\napi.listen = \"127.0.0.1:0\"\nopamp.listen = \"127.0.0.1:0\"\npprof.listen = \"\"\ntokenizer.kind = \"jwt\"",
        folder.path()
    );
    let config = signoz::config::Config::parse(&settings).unwrap();
    let moves = Arc::new(Mutex::new(0));
    let counted = moves.clone();
    let registry = signoz::application::assemble(&config).unwrap();
    let registry = registry.on_event(move |_| *counted.lock().unwrap() += 1);
    let running = start(registry).await;
    assert_eq!(state(&running.handle(), "pprof"), Some(State::Disabled));
    stop(running).await;
    assert!(*moves.lock().unwrap() > 0);
}
