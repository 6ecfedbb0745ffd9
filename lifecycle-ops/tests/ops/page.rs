//! The page, the pictures, and the start as text.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use lifecycle::testing::InMemoryStore;
use lifecycle::{Idle, Leases, Registry, registry, service};
use lifecycle_ops::Ops;

use crate::client::{get, request, send, steered};
use crate::services::{Fragile, Plain, Slow, Ticking, stopped};

#[tokio::test(start_paused = true)]
async fn the_page_says_in_one_sentence_what_is_going_on() {
    let (slow, fragile) = (Slow::default(), Fragile::default());
    let slow = Slow {
        drain: Duration::from_secs(3),
        ..slow
    };
    let (go, fail) = (slow.go.clone(), fragile.fail.clone());
    let registry = registry! {
        "store" => Plain,
        "slow" => slow, after = ["store"],
        "api" => Plain, after = ["slow"],
        "feed" => fragile, on_failure = ignore,
    };
    let registry = registry.signals(false);
    let ops = Ops::service(registry.handle());
    let has = async |sentence: &str| {
        let page = get(&ops, "/").await.text;
        let shown = format!("<p class=\"sentence\">{sentence}</p>");
        assert!(page.contains(&shown), "no `{sentence}` in {page}");
        page
    };
    has("4 services wait for the start.").await;
    let running = registry.start();
    tokio::time::sleep(Duration::from_secs(4)).await;
    has("Starting for 4.0 s. 2 of 4 services run; slow starting; api waiting.").await;
    go.notify_one();
    running.await_healthy().await.unwrap();
    let page = has("Running for 4.0 s. All 4 services run.").await;
    assert!(page.contains("Start: ready after 4.0 s"));
    fail.notify_one();
    tokio::time::sleep(Duration::from_secs(71)).await;
    let page = has("Running for 1 m 15 s. 3 of 4 services run; feed failed.").await;
    assert!(page.contains("the secret password is swordfish"));
    let stop = tokio::spawn(running.stop());
    tokio::time::sleep(Duration::from_secs(2)).await;
    let page = has("Stopping: stop requested. 2 of 4 services still to stop; slow now.").await;
    assert!(page.contains("2.0 s so far"), "the stop is drawn: {page}");
    let _ = stop.await.unwrap();
    has("Stopped: stop requested.").await;
}

#[tokio::test(start_paused = true)]
async fn everything_on_the_page_comes_from_where_it_is_mounted() {
    let registry = registry! { "gc" => Ticking::default() };
    let ops = steered(Ops::service(registry.handle())).at("/ops/");
    let page = get(&ops, "/").await;
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    let links = page
        .text
        .split(['"', '\''])
        .filter(|part| part.starts_with('/') && *part != "/ops" && !part.starts_with("/>"));
    let links: Vec<&str> = links.collect();
    assert!(links.len() > 4, "{links:?}");
    for link in links
        .into_iter()
        .filter(|link| !link.starts_with("/services/gc/"))
    {
        let path = link
            .strip_prefix("/ops")
            .unwrap_or_else(|| panic!("{link} is elsewhere"));
        assert_ne!(get(&ops, path).await.status, 404, "{link}");
    }
    assert!(!page.text.contains("style=\""), "the policy allows none");
    assert!(!page.text.contains("<script>"), "nor this");
    for (path, media) in [("/ops.css", "text/css"), ("/ops.js", "text/javascript")] {
        let asset = get(&ops, path).await;
        assert!(
            asset.headers["content-type"]
                .to_str()
                .unwrap()
                .starts_with(media)
        );
        assert!(
            !asset.text.contains("http://") && !asset.text.contains("https://"),
            "{path}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn there_are_buttons_only_where_an_order_can_be_given() {
    let registry = registry! { "gc" => Ticking::default() };
    let without = get(&Ops::service(registry.handle()), "/").await.text;
    assert!(!without.contains("<button") && !without.contains("id=\"token\""));
    let open = get(&Ops::service(registry.handle()).control(), "/")
        .await
        .text;
    assert!(
        !open.contains("<button"),
        "in a router an order needs a token"
    );
    let with = get(&steered(Ops::service(registry.handle())), "/")
        .await
        .text;
    assert!(with.contains("data-post=\"/services/gc/trigger\"") && with.contains("id=\"token\""));
    assert!(!with.contains("open-sesame"));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_waits_for_its_restart_says_how_long_and_why() {
    let fragile = Fragile::default();
    let fail = fragile.fail.clone();
    let registry =
        registry! { "a" => Plain, "feed" => fragile, on_failure = restart(backoff = "1h..2h"), };
    let registry = registry.signals(false);
    let ops = Ops::service(registry.handle());
    let running = registry.start();
    running.await_healthy().await.unwrap();
    fail.notify_one();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let page = get(&ops, "/").await.text;
    assert!(page.contains("1 of 2 services run; feed waits "), "{page}");
    assert!(page.contains(" for restart 1 in a row"), "{page}");
    assert!(page.contains("the secret password is swordfish"), "{page}");
    assert!(page.contains("class=\"top failed\""), "{page}");
    stopped(running).await;
}

#[service(idle)]
struct Boastful;

impl Idle for Boastful {
    async fn startup(&self, cx: &lifecycle::Context) -> lifecycle::Result {
        cx.degraded("<script>alert(1)</script>\"'&");
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn what_services_say_is_text_and_nothing_else() {
    let registry = registry! { "a" => Boastful }.signals(false);
    let ops = Ops::service(registry.handle());
    let running = registry.start();
    running.await_healthy().await.unwrap();
    for path in ["/", "/graph.svg", "/startup.svg"] {
        let text = get(&ops, path).await.text;
        assert!(!text.contains("<script>alert"), "{path}");
    }
    assert!(get(&ops, "/").await.text.contains("&lt;script&gt;alert(1)"));
    stopped(running).await;
}

#[tokio::test(start_paused = true)]
async fn the_graph_is_drawn_and_told_without_what_follows_by_itself() {
    let registry = registry! {
        "store" => Plain,
        "cache" => Plain, after = ["store"],
        "api" => Plain, after = ["cache", "store"],
        "log" => Plain, wants = ["api"],
    };
    let ops = Ops::service(registry.handle());
    let dot = get(&ops, "/graph.dot").await.text;
    let edges: Vec<&str> = dot
        .lines()
        .filter(|line| line.contains("->"))
        .map(str::trim)
        .collect();
    let expected = [
        "\"store\" -> \"cache\";",
        "\"cache\" -> \"api\";",
        "\"api\" -> \"log\" [style=dashed];",
    ];
    assert_eq!(edges, expected);
    let svg = get(&ops, "/graph.svg").await;
    assert_eq!(svg.headers["content-type"], "image/svg+xml");
    assert_eq!(svg.text.matches("<path class=\"link").count(), 3);
    assert_eq!(svg.text.matches("<g class=\"node new\"").count(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_start_is_told_as_a_chain_as_data_and_as_a_picture() {
    let slow = Slow::default();
    let go = slow.go.clone();
    let registry =
        registry! { "store" => slow, "api" => Plain, after = ["store"], "log" => Plain, };
    let registry = registry.signals(false);
    let ops = Ops::service(registry.handle());
    let running = registry.start();
    tokio::time::sleep(Duration::from_secs(2)).await;
    go.notify_one();
    running.await_healthy().await.unwrap();
    let text = get(&ops, "/startup").await;
    assert_eq!(text.headers["content-type"], "text/plain; charset=utf-8");
    assert!(
        text.text
            .ends_with("healthy @2s\n└─api @2s +0\n  └─store @0 +2s\n"),
        "{}",
        text.text
    );
    let asked = request(&Method::GET, "/startup").header("accept", "application/json");
    let json = send(&ops, asked.body(()).unwrap()).await.text;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["critical_chain"], serde_json::json!(["api", "store"]));
    let svg = get(&ops, "/startup.svg").await.text;
    assert_eq!(svg.matches("class=\"label chain\"").count(), 2);
    assert!(svg.contains("2.0 s"));
    stopped(running).await;
}

#[tokio::test(start_paused = true)]
async fn ticks_that_go_well_do_not_push_out_what_matters() {
    let registry = registry! { "gc" => Ticking::default() }.signals(false);
    let ops = Ops::service(registry.handle());
    let running = registry.start();
    tokio::time::sleep(Duration::from_secs(200 * 60)).await;
    let page = get(&ops, "/").await.text;
    assert!(
        page.contains("tick failed") && !page.contains("tick ended"),
        "{page}"
    );
    stopped(running).await;
}

/// A page of a thousand services is not a graph, but all are on it.
#[tokio::test(start_paused = true)]
async fn a_page_of_many_services_has_all_of_them_by_layer() {
    let mut builder = Registry::builder();
    for index in 0..1_000 {
        let entry = builder.service(format!("s{index}"), Arc::new(Plain));
        builder = if index < 10 {
            entry
        } else {
            entry.after([format!("s{}", index % 10)])
        };
    }
    let registry = builder.build().unwrap();
    let ops = Ops::service(registry.handle());
    let page = get(&ops, "/").await.text;
    assert_eq!(page.matches("<li class=\"new\"").count(), 1_000);
    assert!(page.contains("layer 2 (990)") && !page.contains("class=\"link"));
}

#[tokio::test(start_paused = true)]
async fn schedules_tell_what_was_and_what_will_be() {
    let registry = registry! { "plain" => Plain, "gc" => Ticking::default(), }.signals(false);
    let ops = Ops::service(registry.handle());
    let running = registry.start();
    tokio::time::sleep(Duration::from_secs(190)).await;
    let json = get(&ops, "/schedules").await.text;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 1);
    let gc = &json[0];
    assert_eq!((&gc["name"], &gc["paused"]), (&"gc".into(), &false.into()));
    assert_eq!(gc["next"].as_array().unwrap().len(), 5);
    let runs = gc["runs"].as_array().unwrap().iter();
    let outcomes: Vec<_> = runs.map(|run| &run["outcome"]).collect();
    assert_eq!(outcomes, ["succeeded", "succeeded", "failed"]);
    assert_eq!(gc["consecutive_failures"], 1);
    let rule = [
        &gc["rule"]["kind"],
        &gc["rule"]["text"],
        &gc["rule"]["cron"],
    ];
    assert_eq!(
        rule,
        [
            &"interval".into(),
            &"every 1m".into(),
            &serde_json::Value::Null
        ]
    );
    let page = get(&ops, "/").await.text;
    assert!(
        page.contains("aria-label=\"3 ticks, 1 not well, the longest took")
            && page.contains(">every 1m<"),
        "{page}"
    );
    stopped(running).await;
}

#[tokio::test(start_paused = true)]
async fn who_leads_is_told_beside_the_state_and_with_the_lease() {
    let store = InMemoryStore::new().namespace("shop");
    let other = store.take("shop/taken", "<other>", Duration::from_hours(1));
    let other = other.await.unwrap().unwrap();
    let registry = registry! {
        leases = store.clone(),
        "mine" => Plain, replicas = one,
        "taken" => Plain, replicas = one,
        "plain" => Plain,
    }
    .signals(false);
    let ops = Ops::service(registry.handle());
    let running = registry.start();
    running.await_healthy().await.unwrap();
    tokio::time::sleep(Duration::from_secs(125)).await;
    let page = get(&ops, "/").await.text;
    let mine = running.handle().status("mine").unwrap().lease.unwrap();
    assert_eq!(mine.leader, None);
    for told in [
        "Leases, of services",
        ">led by this replica, token 1<",
        ">led by &lt;other&gt;, token 1<",
        ">shop/taken<",
        ">this replica<",
        &format!("data-label=\"led by\">{} <span", mine.holder),
        "data-label=\"led by\">&lt;other&gt;<",
        "data-label=\"for\">2 m 5 s<",
        "data-label=\"term\">30 s <span class=\"rule\">",
        "data-label=\"term\">30 s<",
    ] {
        assert!(page.contains(told), "no `{told}` in {page}");
    }
    assert_eq!(page.matches("class=\"lease\"").count(), 2);
    let json = get(&ops, "/services/taken").await.text;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["lease"]["leader"]["holder"], "<other>");
    assert_eq!(json["lease"]["leader"]["token"], 1);
    assert_eq!(json["lease"]["term_seconds"], 30.0);
    store.give_back(&other).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let page = get(&ops, "/").await.text;
    assert!(page.contains(">led by this replica, token 2<"), "{page}");
    stopped(running).await;
    assert!(get(&ops, "/").await.text.contains("no leader known"));
}

#[tokio::test(start_paused = true)]
async fn what_is_on_standby_does_not_run_and_is_no_part_of_the_start() {
    let store = InMemoryStore::new();
    let other = store.take("taken", "other", Duration::from_hours(9));
    let other = other.await.unwrap().unwrap();
    let registry = registry! {
        leases = store.clone(),
        "plain" => Plain,
        "taken" => Plain, replicas = one,
        "off" => None::<Plain>,
    }
    .signals(false);
    let ops = Ops::service(registry.handle());
    let running = registry.start();
    running.await_healthy().await.unwrap();
    let chart = async || {
        let page = get(&ops, "/").await.text;
        let (_, chart) = page.split_once("card spans start").unwrap();
        // What is critical is for `Startup` to say.
        chart
            .split_once("</section>")
            .unwrap()
            .0
            .replace(" critical", "")
    };
    let at_first = chart().await;
    assert!(at_first.contains("plain") && !at_first.contains("taken"));
    tokio::time::sleep(Duration::from_hours(4)).await;
    assert_eq!(chart().await, at_first, "it does not grow with the standby");
    let page = get(&ops, "/").await.text;
    let sentence = "Running for 4 h. 1 of 3 services run; taken on standby; off disabled.";
    assert!(page.contains(sentence), "{page}");

    store.give_back(&other).await.unwrap();
    tokio::time::sleep(Duration::from_mins(1)).await;
    let page = get(&ops, "/").await.text;
    assert!(
        page.contains(" 2 of 3 services run; off disabled."),
        "{page}"
    );
    assert_eq!(chart().await, at_first, "nor with what starts hours later");
    stopped(running).await;
}

#[tokio::test(start_paused = true)]
async fn without_leases_the_page_has_none() {
    let registry = registry! { "plain" => Plain }.signals(false);
    let ops = Ops::service(registry.handle());
    let page = get(&ops, "/").await.text;
    assert!(!page.contains("Leases") && !page.contains("class=\"lease\""));
}

/// Lets a service start at once.
fn let_go() -> Arc<tokio::sync::Notify> {
    let go = Arc::new(tokio::sync::Notify::new());
    go.notify_one();
    go
}

/// Hangs in its drain.
#[service(idle)]
struct Hangs;

impl Idle for Hangs {
    async fn drain(&self, _: &lifecycle::Context) -> lifecycle::Result {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn the_stop_is_shown_backwards_with_what_each_had_and_who_was_late() {
    let registry = registry! {
        deadline = "20s",
        "store" => Plain,
        "slow" => Slow { drain: Duration::from_secs(2), go: let_go() }, after = ["store"], stop_timeout = "4s",
        "hangs" => Hangs, after = ["store"], stop_timeout = "8s",
    }
    .signals(false);
    let ops = Ops::service(registry.handle());
    let running = registry.start();
    running.await_healthy().await.unwrap();
    assert!(!get(&ops, "/").await.text.contains("Stop: "));
    let stop = tokio::spawn(running.stop());
    tokio::time::sleep(Duration::from_secs(3)).await;
    let page = get(&ops, "/").await.text;
    for said in [
        ">Stop: 3.0 s so far<",
        ">2.0 s of 4.0 s<",
        ">3.0 s of 8.0 s so far<",
        "<rect class=\"budget\" x=\"0.00%\" y=\"1\" width=\"99.60%\"",
    ] {
        assert!(page.contains(said), "no {said} in {page}");
    }
    assert_eq!(
        page.matches("class=\"budget\"").count(),
        1,
        "of what still stops"
    );
    let _ = stop.await.unwrap();
    let page = get(&ops, "/").await.text;
    for said in [
        ">Stop: took 8.0 s, 1 late<",
        ">late: dropped in drain after 8.0 s<",
    ] {
        assert!(page.contains(said), "no {said} in {page}");
    }
}
