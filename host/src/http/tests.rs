//! What a component may ask for, and connections that end, stop or never begin.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};

use super::*;
use crate::transport::Transport;

/// Of a user who named this machine.
fn clients() -> Clients {
    impatient(Duration::from_secs(60))
}

fn impatient(idle_timeout: Duration) -> Clients {
    let transport = Transport { idle_timeout, ..Transport::default() };
    Clients::new(transport, ["localhost:5000".to_owned()], false)
}

fn request(url: String, content_length: u64) -> Request {
    Request { method: "PUT".into(), url, headers: Vec::new(), content_length, insecure: false }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn what_is_not_the_components_is_refused() {
    let clients = clients();
    for name in ["host", "Content-Length", "transfer-encoding", "no name"] {
        let headers = vec![(name.to_owned(), b"x".to_vec())];
        let refused = Exchange::open(&clients, Request { headers, ..request("http://localhost:1/".into(), 0) });
        assert!(matches!(refused, Err(error) if error.fault == Fault::Component), "{name}");
    }
    for url in ["http://192.0.2.1/", "http://localhost.example/", "ftp://localhost/", "http://2130706433.example/"] {
        let refused = Exchange::open(&clients, request(url.into(), 0));
        assert!(matches!(refused, Err(error) if matches!(error.code, ErrorCode::Denied)), "{url}");
    }
    assert!(Exchange::open(&clients, request("http://user@localhost/".into(), 0)).is_err());
    let insecure = |url: &str| Request { insecure: true, ..request(url.into(), 0) };
    let refused = Exchange::open(&clients, insecure("https://localhost:1/"));
    assert!(matches!(refused, Err(error) if error.message.contains("was not allowed")));
}

/// Nobody reads the body; the answer is there nevertheless, with its own body.
#[test]
fn an_early_answer_ends_the_body() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (done, waits) = std::sync::mpsc::channel::<()>();
    let server = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut some = [0; 1024];
        assert!(connection.read(&mut some).unwrap() > 0);
        connection.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\n\r\nless").unwrap();
        let _ = waits.recv();
    });
    runtime().block_on(async {
        let exchange = Exchange::open(&clients(), request(url, 1 << 30)).ok().unwrap();
        let mut written = 0;
        while exchange.write(vec![0; 1 << 20]).await.is_ok() {
            written += 1;
        }
        assert!(written < 1024);
        let (status, headers, body) = exchange.finish().await.map_err(|error| error.message).unwrap();
        assert_eq!(status, 413);
        assert!(headers.iter().any(|(name, value)| name == "content-length" && value == b"4"));
        assert_eq!(body.read(10).await.map_err(|error| error.message).unwrap(), b"less");
    });
    done.send(()).unwrap();
    server.join().unwrap();
}

#[test]
fn too_few_bytes_are_no_request() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    runtime().block_on(async {
        let exchange = Exchange::open(&clients(), request(url, 10)).ok().unwrap();
        exchange.write(vec![0; 9]).await.map_err(|error| error.message).unwrap();
        assert!(exchange.write(vec![0; 2]).await.is_err());
        assert!(exchange.finish().await.is_err());
    });
}

/// A component that makes up addresses gets nowhere.
#[test]
fn addresses_that_nobody_named_are_refused() {
    let clients = Clients::new(Transport::default(), ["10.0.0.5:5000".to_owned()], true);
    let table = [
        ("http://localhost:1/", "localhost is at 127.0.0.1"),
        ("http://127.0.0.1:1/", "127.0.0.1 is at 127.0.0.1"),
        ("https://169.254.169.254/latest/meta-data", "169.254.169.254 is at 169.254.169.254"),
        ("https://[::ffff:a9fe:a9fe]/", "[::ffff:a9fe:a9fe] is at ::ffff:169.254.169.254"),
        ("https://0xa9fea9fe/", "169.254.169.254 is at 169.254.169.254"),
        ("https://10.0.0.6/", "10.0.0.6 is at 10.0.0.6"),
        ("https://[fd00:ec2::254]/", "[fd00:ec2::254] is at fd00:ec2::254"),
    ];
    for (url, said) in table {
        let error = Exchange::open(&clients, request(url.into(), 0)).err().unwrap();
        assert!(matches!(error.code, ErrorCode::Denied), "{url}");
        assert!(error.message.contains(said) && error.message.contains("--private-host"), "{}", error.message);
    }
    // That one registry is insecure is no word about another host.
    let insecure = Request { insecure: true, ..request("http://192.0.2.1/".into(), 0) };
    assert!(Exchange::open(&clients, insecure).err().unwrap().message.contains("was not allowed"));
}

/// The name says nothing; the address that it has does.
#[test]
fn names_of_forbidden_addresses_are_not_connected_to() {
    let clients = Clients::new(Transport::default(), [], false);
    runtime().block_on(async {
        // What this machine calls itself.
        let exchange = Exchange::open(&clients, request("https://ip6-localhost:1/".into(), 0)).ok().unwrap();
        let Err(error) = exchange.finish().await else { panic!("connected") };
        let unknown = error.message.contains("cannot be found");
        assert!(unknown || matches!(error.code, ErrorCode::Denied), "{} {:?}", error.message, error.causes);
    });
}

/// A peer that neither reads nor answers, or stops within its answer, is given up.
#[test]
fn a_stalled_connection_is_given_up() {
    for (answer, length) in [("", 0), ("", 1 << 30), ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nle", 0)] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (done, waits) = std::sync::mpsc::channel::<()>();
        let server = std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            connection.write_all(answer.as_bytes()).unwrap();
            let _ = waits.recv();
        });
        let error = runtime().block_on(async {
            let exchange = Exchange::open(&impatient(Duration::from_millis(100)), request(url, length)).ok().unwrap();
            for _ in 0..length >> 20 {
                if exchange.write(vec![0; 1 << 20]).await.is_err() {
                    return exchange.finish().await.err().unwrap();
                }
            }
            match exchange.finish().await {
                Err(error) => error,
                Ok((_, _, body)) => loop {
                    if let Err(error) = body.read(10).await {
                        return error;
                    }
                },
            }
        });
        // Who gives up is told why; who was just writing may only see that the connection has gone.
        let told = ["took and sent nothing for 0.1 seconds", "was closed: push again", "broke off: push again"];
        assert!(told.iter().any(|why| error.message.contains(why)), "{}", error.message);
        done.send(()).unwrap();
        server.join().unwrap();
    }
}
