//! Several servers on one folder, at once or one after the other: what one has taken back is good at none.

use crate::{
    client::Client,
    server::{Home, anywhere},
};

const TOKENIZERS: [&str; 2] = ["tokenizer = 'opaque'", "tokenizer = 'jwt'"];

#[test]
fn first_starts_at_the_same_moment_succeed() {
    for round in 0..8 {
        let home = Home::new(TOKENIZERS[round % 2]);
        let servers = [(); 3].map(|()| home.launch(anywhere));
        let started = servers.map(super::server::Server::listening);
        let token = Client::new(started[0].1).token();
        for (_, address) in &started {
            let client = Client::new(*address);
            client.whoami(&token).unwrap().expect_status(200);
            client.login("change me").unwrap().expect_status(200);
        }
        for (server, _) in started {
            server.terminate().expect_code(0);
        }
    }
}

#[test]
fn a_logout_at_one_instance_is_one_at_all() {
    for tokenizer in TOKENIZERS {
        let home = Home::new(tokenizer);
        let instances = [home.start(), home.start()];
        let [here, there] = [0, 1].map(|number| Client::new(instances[number].1));
        let (kept, revoked) = (here.token(), here.token());
        there.whoami(&revoked).unwrap().expect_status(200);
        here.logout(&revoked).unwrap().expect_status(204);
        for client in [&here, &there] {
            client.whoami(&revoked).unwrap().expect_status(401);
            client.logout(&revoked).unwrap().expect_status(401);
            client.whoami(&kept).unwrap().expect_status(200);
            let sessions = client.sessions(&kept).unwrap().expect_status(200);
            assert_eq!(sessions.as_array().unwrap().len(), 1);
        }
        for (server, _) in instances {
            server.terminate().expect_code(0);
        }
    }
}

#[test]
fn tokens_end_with_the_password_they_were_given_for() {
    for tokenizer in TOKENIZERS {
        let home = Home::new(tokenizer);
        let (running, address) = home.start();
        let here = Client::new(address);
        let old = here.token();

        // The same password again ends nothing.
        let (server, _) = home.start();
        server.terminate().expect_code(0);
        here.whoami(&old).unwrap().expect_status(200);

        home.configure(&format!("{tokenizer}\nroot.password = 'changed'"));
        let (server, address) = home.start();
        let there = Client::new(address);
        for client in [&here, &there] {
            client.whoami(&old).unwrap().expect_status(401);
            client.login("change me").unwrap().expect_status(401);
            client.login("changed").unwrap().expect_status(200);
        }
        for server in [running, server] {
            server.terminate().expect_code(0);
        }
    }
}

#[test]
fn who_was_root_under_another_name_is_nobody() {
    for tokenizer in TOKENIZERS {
        let home = Home::new(tokenizer);
        let (server, address) = home.start();
        let old = Client::new(address).token();
        server.terminate().expect_code(0);

        home.configure(&format!("{tokenizer}\nroot.name = 'admin'"));
        let (server, address) = home.start();
        let client = Client::new(address);
        client.login("change me").unwrap().expect_status(401);
        client.login("").unwrap().expect_status(401);
        client.whoami(&old).unwrap().expect_status(401);
        let admin = client.login_as("admin", "change me").unwrap();
        admin.expect_status(200);
        let finished = server.terminate().expect_code(0);
        assert!(
            finished.text().contains("no longer root"),
            "{}",
            finished.text()
        );

        // And back: with the password of now, and without the tokens of then.
        home.configure(tokenizer);
        let (server, address) = home.start();
        let client = Client::new(address);
        client.whoami(&old).unwrap().expect_status(401);
        client.token();
        client
            .login_as("admin", "change me")
            .unwrap()
            .expect_status(401);
        server.terminate().expect_code(0);
    }
}
