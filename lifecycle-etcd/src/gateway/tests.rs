//! Against something that answers as it is told to, in place of etcd.

use std::sync::Mutex as Lock;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use super::*;

const CALL: Duration = Duration::from_millis(1500);
const DONE: &str = r#"{"header":{"revision":"7"},"succeeded":true}"#;

/// What it does with a request.
#[derive(Clone, Copy)]
enum Does {
    Answers(u16, &'static str),
    Closes,
    IsSilent,
}

/// Decides by the path, and by the token.
type Rule = fn(&str, Option<&str>) -> Does;

/// Listens, and notes each path with its token.
async fn member(rule: Rule) -> (String, Arc<Lock<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = listener.local_addr().unwrap().to_string();
    let came = Arc::new(Lock::new(Vec::new()));
    let notes = came.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, rule, notes.clone()));
        }
    });
    (endpoint, came)
}

async fn serve(mut stream: TcpStream, rule: Rule, notes: Arc<Lock<Vec<String>>>) {
    let mut request = String::new();
    loop {
        let mut bytes = [0; 4096];
        let read = stream.read(&mut bytes).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        request += &String::from_utf8_lossy(&bytes[..read]);
        let Some((head, body)) = request.split_once("\r\n\r\n") else {
            continue;
        };
        let header = |name: &str| {
            let mut lines = head.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        let length: usize = header("content-length").unwrap().parse().unwrap();
        if body.len() < length {
            continue;
        }
        let path = head.split(' ').nth(1).unwrap();
        let token = header("authorization");
        notes
            .lock()
            .unwrap()
            .push(format!("{path} {}", token.unwrap_or("-")));
        match rule(path, token) {
            Does::Answers(status, body) => {
                let length = body.len();
                let answer =
                    format!("HTTP/1.1 {status} So\r\nContent-Length: {length}\r\n\r\n{body}");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            Does::Closes => return,
            Does::IsSilent => sleep(Duration::from_secs(60)).await,
        }
        request.clear();
    }
}

fn gateway(endpoints: &[&str]) -> Gateway {
    let mut settings = Settings::new(&endpoints.join(","));
    settings.timeout = CALL;
    Gateway::new(settings)
}

fn with_user(endpoint: &str) -> Gateway {
    let mut settings = Settings::new(endpoint);
    settings.timeout = CALL;
    let (name, password) = ("me".to_owned(), "secret".to_owned());
    settings.user = Some(Arc::new(User { name, password }));
    Gateway::new(settings)
}

async fn ask(gateway: &Gateway, call: Call) -> Result<i64, EtcdError> {
    let nothing = message::transaction(&[], &[], &[]);
    let answer = gateway.transact(call, &nothing).await?;
    Ok(answer.header.revision)
}

fn call() -> Call {
    Call::new("ask", CALL)
}

fn well(_: &str, _: Option<&str>) -> Does {
    Does::Answers(200, DONE)
}

fn silent(_: &str, _: Option<&str>) -> Does {
    Does::IsSilent
}

fn closes(_: &str, _: Option<&str>) -> Does {
    Does::Closes
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_is_left_for_the_next_and_by_later_calls_too() {
    let no_leader: Rule =
        |_, _| Does::Answers(503, r#"{"error":"etcdserver: no leader","code":14}"#);
    let other: Rule = |_, _| Does::Answers(404, "no such page");
    let away = "127.0.0.1:1";
    for (name, rule) in [
        ("silent", silent as Rule),
        ("closes", closes),
        ("no leader", no_leader),
        ("other", other),
    ] {
        let (wanting, came) = member(rule).await;
        let (good, _) = member(well).await;
        let gateway = gateway(&[&wanting, away, &good]);
        for _ in 0..3 {
            assert_eq!(ask(&gateway, call()).await.unwrap(), 7, "{name}");
        }
        assert_eq!(came.lock().unwrap().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_call_ends_in_its_time_and_tells_why() {
    let (frozen, _) = member(silent).await;
    let began = Instant::now();
    let error = ask(&gateway(&[&frozen]), call()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "etcd does not answer: ask took longer than 1.5s"
    );
    let error = ask(&gateway(&["127.0.0.1:1", &frozen]), call())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("can't connect to etcd at 127.0.0.1:1"),
        "{error}"
    );
    assert!(began.elapsed() < CALL * 8);
    // Impatient: each endpoint once.
    let (closing, came) = member(closes).await;
    let error = ask(&gateway(&[&closing, "127.0.0.1:1"]), call().impatient())
        .await
        .unwrap_err();
    assert!(matches!(error, EtcdError::Connect { .. }), "{error}");
    assert_eq!(came.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_may_be_done_once_is_not_sent_again_where_nobody_knows_whether_it_was() {
    for rule in [silent as Rule, closes] {
        let (wanting, came) = member(rule).await;
        let (good, others) = member(well).await;
        let gateway = gateway(&[&wanting, &good]);
        ask(&gateway, call().at_most_once()).await.unwrap_err();
        assert_eq!(
            (came.lock().unwrap().len(), others.lock().unwrap().len()),
            (1, 0)
        );
        // The next one is asked elsewhere; and one that was not sent may be.
        assert_eq!(ask(&gateway, call().at_most_once()).await.unwrap(), 7);
        let gateway = self::gateway(&["127.0.0.1:1", &good]);
        assert_eq!(ask(&gateway, call().at_most_once()).await.unwrap(), 7);
    }
}

#[tokio::test]
async fn a_refusal_is_told_at_once() {
    const FULL: &str = r#"{"error":"etcdserver: mvcc: database space exceeded","code":8}"#;
    let (member, came) = member(|_, _| Does::Answers(429, FULL)).await;
    let error = ask(&gateway(&[&member, &member]), call())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "etcd failed to ask: etcdserver: mvcc: database space exceeded"
    );
    assert_eq!(came.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn callers_share_a_token_and_one_that_is_old_is_replaced() {
    static OLD: AtomicBool = AtomicBool::new(false);
    let (member, came) = member(|path, token| {
        let old = OLD.load(Ordering::Relaxed);
        match (path, token, old) {
            ("/v3/auth/authenticate", _, false) => Does::Answers(200, r#"{"token":"first"}"#),
            ("/v3/auth/authenticate", _, true) => Does::Answers(200, r#"{"token":"second"}"#),
            (_, Some("first"), false) | (_, Some("second"), true) => Does::Answers(200, DONE),
            _ => Does::Answers(
                401,
                r#"{"error":"etcdserver: invalid auth token","code":16}"#,
            ),
        }
    })
    .await;
    let gateway = with_user(&member);
    let ask_all = async || {
        let asked = tokio::join!(
            ask(&gateway, call()),
            ask(&gateway, call()),
            ask(&gateway, call())
        );
        assert!(asked.0.is_ok() && asked.1.is_ok() && asked.2.is_ok());
    };
    let sign_ins = || {
        let came = came.lock().unwrap();
        came.iter()
            .filter(|came| *came == "/v3/auth/authenticate -")
            .count()
    };
    ask_all().await;
    assert_eq!(sign_ins(), 1);
    OLD.store(true, Ordering::Relaxed);
    ask_all().await;
    assert_eq!(sign_ins(), 2);
}

#[tokio::test]
async fn a_wrong_password_is_permanent_and_a_token_that_is_never_known_ends() {
    const WRONG: &str =
        r#"{"error":"etcdserver: authentication failed, invalid user ID or password","code":3}"#;
    let (refusing, came) = member(|_, _| Does::Answers(400, WRONG)).await;
    assert!(
        ask(&with_user(&refusing), call())
            .await
            .unwrap_err()
            .is_permanent()
    );
    assert_eq!(came.lock().unwrap().len(), 1);

    let (odd, came) = member(|path, _| match path {
        "/v3/auth/authenticate" => Does::Answers(200, r#"{"token":"t"}"#),
        _ => Does::Answers(
            401,
            r#"{"error":"etcdserver: invalid auth token","code":16}"#,
        ),
    })
    .await;
    let error = ask(&with_user(&odd), call()).await.unwrap_err();
    assert!(!error.is_permanent(), "{error}");
    assert_eq!(came.lock().unwrap().len(), 6);
}

/// A connection that was kept, and that etcd has closed meanwhile, is no failure of the endpoint.
#[tokio::test]
async fn a_kept_connection_that_was_closed_costs_nothing() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let (member, _) = member(|_, _| {
        if CALLS.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
            Does::Closes
        } else {
            Does::Answers(200, DONE)
        }
    })
    .await;
    let gateway = gateway(&[&member]);
    for _ in 0..4 {
        assert_eq!(ask(&gateway, call().impatient()).await.unwrap(), 7);
    }
}
