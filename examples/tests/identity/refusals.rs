//! What a client is told when its request can't be granted: always JSON, with the reason.

use crate::{
    client::Client,
    raw::{answer, post, request, sent},
    server::Home,
};

#[test]
fn every_refusal_is_json() {
    let (server, address) = Home::new("").start();
    let json = "application/json";
    let long = format!(r#"{{"name":"{}","password":""}}"#, "x".repeat(100_000));
    for (text, expected) in [
        (post("/login", json, r#"{"name":"root"}"#), 422),
        (post("/login", json, r#"{"name":1,"password":""}"#), 422),
        (post("/login", json, r#"{"name":"#), 400),
        (post("/login", json, "\u{0}"), 400),
        (post("/login", "text/plain", "{}"), 415),
        (post("/login", json, &long), 413),
        (request("GET", "/nowhere", ""), 404),
        (request("GET", "/", ""), 404),
        (request("GET", "/login", ""), 405),
        (request("FROB", "/whoami", ""), 405),
        (request("GET", "/whoami", ""), 401),
        (
            request("GET", "/whoami", "authorization: Basic cm9vdDo=\r\n"),
            401,
        ),
        (request("GET", "/whoami", "authorization: Bearer\r\n"), 401),
    ] {
        let (status, head, body) = answer(sent(address, &text));
        assert_eq!(status, expected, "{text}{body}");
        assert!(body["error"].is_string(), "{text}{head}{body}");
    }
    server.terminate().expect_code(0);
}

#[test]
fn the_scheme_of_a_token_is_written_in_any_case() {
    let (server, address) = Home::new("").start();
    let token = Client::new(address).token();
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR", "Bearer  "] {
        let header = format!("authorization: {scheme} {token}\r\n");
        let (status, _, body) = answer(sent(address, &request("GET", "/whoami", &header)));
        assert_eq!((status, &body["user"]), (200, &"root".into()), "{scheme}");
    }
    let header = format!("authorization: Bearer {}\r\n", token.to_lowercase());
    let (status, ..) = answer(sent(address, &request("GET", "/whoami", &header)));
    assert_eq!(status, 401, "the token itself is not");
    server.terminate().expect_code(0);
}
