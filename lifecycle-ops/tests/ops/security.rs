//! Who may ask for what. Each of these turned red when its check was taken out: see `tests/README.md`.

use http::header::HeaderValue;
use http::{Method, StatusCode};
use lifecycle::{Handle, Registry, registry};
use lifecycle_ops::{Ops, OpsService};

use crate::client::{get, order, post, request, send, steered};
use crate::services::Plain;

const READ: [&str; 4] = ["/services", "/services/a", "/metrics", "/nothing"];

fn application() -> (Registry, Handle) {
    let registry = registry! { "a" => Plain };
    let handle = registry.handle();
    (registry, handle)
}

fn is_asked_to_stop(handle: &Handle) -> bool {
    // After a request the start of the registry starts nothing, and every wait ends.
    let wait = std::pin::pin!(handle.wait());
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    Future::poll(wait, &mut cx).is_ready()
}

async fn asked_as(service: &OpsService, path: &str, host: &str) -> StatusCode {
    let request = http::Request::get(path).header("host", host);
    send(service, request.body(()).unwrap()).await.status
}

#[tokio::test]
async fn only_loopback_names_and_listed_hosts_are_answered() {
    let (_registry, handle) = application();
    let ops = Ops::service(handle).host("Ops.Example.com");
    for path in ["/services", "/services/a", "/metrics"] {
        for host in [
            "localhost",
            "LOCALHOST:9900",
            "127.0.0.1",
            "127.8.9.1:1",
            "[::1]",
            "[::1]:9900",
            "ops.example.com",
            "OPS.example.com:443",
        ] {
            assert_eq!(asked_as(&ops, path, host).await, 200, "{path} {host}");
        }
    }
    for path in READ {
        for host in [
            "evil.example",
            "evil.example:9900",
            "localhost.evil.example",
            "evillocalhost",
            "10.0.0.1",
            "0.0.0.0",
            "[::2]",
            "",
            "localhost@evil.example",
            "evil.example@localhost",
            "ops.example.com.evil.example",
            "a b",
            "127.0.0.1.evil.example",
        ] {
            assert_eq!(asked_as(&ops, path, host).await, 403, "{path} {host}");
        }
        let none = http::Request::get(path).body(()).unwrap();
        assert_eq!(send(&ops, none).await.status, 403, "no host");
        let two = request(&Method::GET, path).header("host", "localhost");
        assert_eq!(
            send(&ops, two.body(()).unwrap()).await.status,
            403,
            "two hosts"
        );
        let absolute = format!("http://evil.example{path}");
        let absolute = request(&Method::GET, &absolute).body(()).unwrap();
        assert_eq!(send(&ops, absolute).await.status, 403, "another target");
    }
}

#[tokio::test]
async fn an_order_to_another_host_is_refused() {
    let (_registry, handle) = application();
    let ops = steered(Ops::service(handle.clone()));
    let mut rebound = order("/shutdown").body(()).unwrap();
    let host = HeaderValue::from_static("evil.example:9900");
    rebound.headers_mut().insert("host", host);
    assert_eq!(send(&ops, rebound).await.status, 403);
    assert!(!is_asked_to_stop(&handle));
    assert_eq!(post(&ops, "/shutdown").await.status, 202);
    assert!(is_asked_to_stop(&handle));
}

#[tokio::test]
async fn without_control_no_order_is_taken() {
    let (_registry, handle) = application();
    for path in ["/shutdown", "/services/a/trigger"] {
        let ops = Ops::service(handle.clone()).token("open-sesame");
        let answer = post(&ops, path).await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.text.contains(".control()"), "{}", answer.text);
        // In a router it is not known who can reach it.
        let answer = post(&Ops::service(handle.clone()).control(), path).await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.text.contains(".token(..)"), "{}", answer.text);
    }
    assert!(!is_asked_to_stop(&handle));
}

#[tokio::test]
async fn an_order_that_another_site_sends_is_refused() {
    let (_registry, handle) = application();
    let ops = steered(Ops::service(handle.clone()));
    for site in ["cross-site", "same-site", "Same-Origin", "x"] {
        let sent = order("/shutdown").header("sec-fetch-site", site);
        assert_eq!(
            send(&ops, sent.body(()).unwrap()).await.status,
            403,
            "{site}"
        );
    }
    let twice = order("/shutdown")
        .header("sec-fetch-site", "same-origin")
        .header("sec-fetch-site", "cross-site");
    assert_eq!(send(&ops, twice.body(()).unwrap()).await.status, 403);
    assert!(!is_asked_to_stop(&handle));
    for site in ["none", "same-origin"] {
        let sent = order("/shutdown").header("sec-fetch-site", site);
        assert_eq!(
            send(&ops, sent.body(()).unwrap()).await.status,
            202,
            "{site}"
        );
    }
}

#[tokio::test]
async fn an_order_is_sent_as_json_which_no_form_can() {
    let (_registry, handle) = application();
    let ops = steered(Ops::service(handle.clone()));
    for media in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("text/plain; application/json"),
        Some("application/jsonp"),
        Some(""),
    ] {
        let mut sent = order("/shutdown").body(()).unwrap();
        sent.headers_mut().remove("content-type");
        if let Some(media) = media {
            let media = HeaderValue::from_static(media);
            sent.headers_mut().insert("content-type", media);
        }
        assert_eq!(send(&ops, sent).await.status, 415, "{media:?}");
    }
    for (first, second) in [
        ("application/json", "text/plain"),
        ("text/plain", "application/json"),
    ] {
        let mut sent = order("/shutdown").body(()).unwrap();
        sent.headers_mut().remove("content-type");
        for media in [first, second] {
            let media = HeaderValue::from_static(media);
            sent.headers_mut().append("content-type", media);
        }
        let answer = send(&ops, sent).await;
        assert_eq!(answer.status, 415, "{first}, then {second}");
    }
    assert!(!is_asked_to_stop(&handle));
    let mut sent = order("/shutdown").body(()).unwrap();
    let media = HeaderValue::from_static("Application/JSON; charset=utf-8");
    sent.headers_mut().insert("content-type", media);
    assert_eq!(send(&ops, sent).await.status, 202);
}

#[tokio::test]
async fn an_order_needs_the_whole_token_and_nothing_else() {
    let (_registry, handle) = application();
    let ops = steered(Ops::service(handle.clone()));
    for given in [
        None,
        Some("Bearer open-sesamE"),
        Some("Bearer open-sesam"),
        Some("Bearer open-sesamee"),
        Some("Bearer open-sesame "),
        Some("Bearer "),
        Some("Bearer"),
        Some("Basic open-sesame"),
        Some("Digest open-sesame"),
        Some("open-sesame"),
        Some(""),
    ] {
        let mut sent = order("/shutdown").body(()).unwrap();
        sent.headers_mut().remove("authorization");
        if let Some(given) = given {
            let given = HeaderValue::from_static(given);
            sent.headers_mut().insert("authorization", given);
        }
        let answer = send(&ops, sent).await;
        assert_eq!(answer.status, 401, "{given:?}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        assert!(!answer.text.contains("sesame"));
    }
    let none = Ops::service(handle.clone()).control().token("");
    let mut sent = order("/shutdown").body(()).unwrap();
    let empty = HeaderValue::from_static("Bearer ");
    sent.headers_mut().insert("authorization", empty);
    assert_eq!(
        send(&none, sent).await.status,
        401,
        "an empty token is none"
    );
    assert!(!is_asked_to_stop(&handle));
    assert_eq!(post(&ops, "/shutdown").await.status, 202);
    assert!(!format!("{ops:?}").contains("sesame"));
}

#[tokio::test]
async fn a_read_is_no_order() {
    let (_registry, handle) = application();
    let ops = steered(Ops::service(handle.clone()));
    for method in [
        Method::GET,
        Method::HEAD,
        Method::PUT,
        Method::DELETE,
        Method::OPTIONS,
        Method::PATCH,
    ] {
        let sent = request(&method, "/shutdown").header("authorization", "Bearer open-sesame");
        let answer = send(
            &ops,
            sent.header("content-type", "application/json")
                .body(())
                .unwrap(),
        )
        .await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.headers["allow"], "POST");
    }
    assert!(!is_asked_to_stop(&handle));
}

#[tokio::test]
async fn every_answer_forbids_to_load_to_keep_and_to_share() {
    let (_registry, handle) = application();
    let ops = Ops::service(handle);
    for path in [
        "/livez",
        "/readyz",
        "/metrics",
        "/services",
        "/services/a",
        "/services/b",
        "/no",
        "/shutdown",
        "/",
    ] {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let sent = request(&method, path)
                .header("origin", "https://evil.example")
                .header("access-control-request-method", "POST");
            let headers = send(&ops, sent.body(()).unwrap()).await.headers;
            let policy = headers["content-security-policy"].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none';"), "{path}");
            assert!(policy.contains("frame-ancestors 'none'"), "{path}");
            assert_eq!(headers["cache-control"], "no-store", "{path}");
            assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
            let shares = |name: &http::HeaderName| name.as_str().starts_with("access-control-");
            assert!(!headers.keys().any(shares), "{path}");
        }
    }
}

#[tokio::test]
async fn errors_are_told_to_the_owner_only() {
    use crate::services::Fragile;
    let fragile = Fragile::default();
    fragile.fail.notify_one();
    let registry = registry! { "a" => fragile }.signals(false);
    let handle = registry.handle();
    let running = registry.start();
    running.wait().await;
    let ops = Ops::service(handle);
    assert!(get(&ops, "/services/a").await.text.contains("swordfish"));
    for path in [
        "/readyz",
        "/readyz?verbose",
        "/readyz/a",
        "/healthz",
        "/metrics",
        "/livez",
        "/startupz?verbose",
    ] {
        assert!(!get(&ops, path).await.text.contains("swordfish"), "{path}");
    }
    let _ = running.stop().await;
}
