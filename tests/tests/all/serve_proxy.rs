//! `ocix serve`: what goes through its proxy, and what does not.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::time::Duration;

use ocix_tests::http::{Answer, Response, Server};
use ocix_tests::registry::{PASSWORD, USER};
use ocix_tests::{Auth, Authority, Registry, Scratch, Served, Setup, base64, need, sha256};
use serde_json::Value;

/// What a page does to push and pull, by hand.
#[test]
fn a_registry_is_written_and_read() {
    need!("docker-registry");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::None);
    let served = Served::start(&scratch, &["--registry", &registry.address()]);
    let interface = format!("http://{}/v2/", registry.address());
    let opened = served.proxied("POST", &format!("{interface}team/x/blobs/uploads/"), &[], b"");
    assert_eq!(status(&opened), 202);
    // More than is ever held of it.
    let blob: Vec<u8> = (0..200_u32 << 20).map(|at| (at >> 12) as u8).collect();
    let digest = sha256(&blob);
    let at = format!("{}&digest={digest}", header(&opened, "location").unwrap());
    let octets = [("content-type", "application/octet-stream")];
    assert_eq!(status(&served.proxied("PUT", &at, &octets, &blob)), 201);
    let url = format!("{interface}team/x/blobs/{digest}");
    let read = served.proxied("GET", &url, &[], b"");
    assert_eq!((status(&read), header(&read, "docker-content-digest")), (200, Some(digest.clone())));
    assert!(read.body == blob && read.header("content-length") == Some(blob.len().to_string().as_str()));
    let part = served.proxied("GET", &url, &[("range", "bytes=4096-8191")], b"");
    assert_eq!((status(&part), part.body.as_slice()), (206, &blob[4096..8192]));
    let head = served.proxied("HEAD", &url, &[], b"");
    assert_eq!((status(&head), header(&head, "content-length")), (200, Some(blob.len().to_string())));
    let missing = served.proxied("GET", &format!("{interface}team/x/manifests/none"), &[], b"");
    assert_eq!(status(&missing), 404);
    assert!(String::from_utf8(missing.body).unwrap().contains("MANIFEST_UNKNOWN"));
    assert!(served.peak_memory() < 100 << 20, "{} bytes", served.peak_memory());
    let told: Value = serde_json::from_slice(&served.get("serve.json", &[]).body).unwrap();
    assert_eq!(told["registries"], serde_json::json!([registry.address()]));
}

/// The page says who its user is; tokens are where the registry says, once it has said so.
#[test]
fn credentials_are_the_pages_own() {
    need!("docker-registry", "openssl");
    for auth in [Auth::Basic, Auth::Bearer] {
        let scratch = Scratch::new();
        let registry = Registry::start(&scratch, auth);
        // What this user keeps is not for the page.
        scratch.login(&registry.address(), USER, PASSWORD);
        let served = Served::start(&scratch, &["--registry", &registry.address()]);
        let root = format!("http://{}/v2/", registry.address());
        let basic = format!("Basic {}", base64(format!("{USER}:{PASSWORD}").as_bytes()));
        let realm =
            if auth == Auth::Bearer { registry.tokens().realm() } else { "http://127.0.0.1:1/token".to_owned() };
        let token = format!("{realm}?service=registry.test&scope=repository:team/x:pull");
        refused(&served.proxied("GET", &token, &[("authorization", &basic)], b""), 403, "--registry 127.0.0.1");
        let asked = served.proxied("GET", &root, &[], b"");
        assert_eq!(status(&asked), 401, "{auth:?}");
        assert!(header(&asked, "www-authenticate").is_some());
        let authorization = if auth == Auth::Bearer {
            let given = served.proxied("GET", &token, &[("authorization", &basic)], b"");
            assert_eq!(status(&given), 200);
            let given: Value = serde_json::from_slice(&given.body).unwrap();
            refused(&served.proxied("PUT", &token, &[("authorization", &basic)], b""), 403, "--registry 127.0.0.1");
            refused(&served.proxied("GET", &realm.replace("/token", "/other"), &[], b""), 403, "--registry 127.0.0.1");
            format!("Bearer {}", given["token"].as_str().unwrap())
        } else {
            basic
        };
        assert_eq!(status(&served.proxied("GET", &root, &[("authorization", &authorization)], b"")), 200, "{auth:?}");
    }
}

#[test]
fn only_what_was_named_is_asked() {
    let scratch = Scratch::new();
    let other = Server::start(|_| Response::json(200, "{}"));
    let named = Server::start(|_| Response::json(200, "{}"));
    let served = Served::start(&scratch, &["--registry", &named.address(), "--registry", "docker.io"]);
    let own = named.address();
    for url in [
        format!("http://{}/v2/", other.address()),
        format!("http://{own}/"),
        format!("http://{own}/v1/"),
        format!("http://{own}/v2/../x"),
        format!("http://{own}/v2/%2e%2e/x"),
        format!("http://{own}/v2/..%2fx"),
        "http://169.254.169.254/v2/".to_owned(),
        "https://example.com/v2/".to_owned(),
    ] {
        refused(
            &served.proxied("GET", &url, &[], b""),
            403,
            if url.contains(&own) { "beneath /v2/" } else { "--registry" },
        );
    }
    // It was named, but without TLS nobody else is asked than this machine.
    refused(&served.proxied("GET", "http://registry-1.docker.io/v2/", &[], b""), 403, "without TLS");
    for url in ["file:///etc/passwd", &format!("http://user:p@{own}/v2/"), "/v2/", ""] {
        refused(&served.proxied("GET", url, &[], b""), 400, "percent-encoded");
    }
    assert_eq!(served.proxied("OPTIONS", &format!("http://{own}/v2/"), &[], b"").status, 405);
    assert!(named.requests().is_empty() && other.requests().is_empty());
    assert_eq!(status(&served.proxied("GET", &format!("http://{own}/v2/"), &[], b"")), 200);
}

/// What a registry hears is what a component says, and nothing of the browser.
#[test]
fn a_browser_says_nothing_of_itself() {
    let scratch = Scratch::new();
    let server = Server::start(|_| Response {
        status: 418,
        headers: vec![("x-odd", "\u{e9}".to_owned()), ("link", "a".to_owned()), ("link", "b".to_owned())],
        body: b"body".to_vec(),
    });
    let served = Served::start(&scratch, &["--registry", &server.address()]);
    let own = format!("http://{}", served.address);
    let headers = [
        ("accept", "application/vnd.oci.image.index.v1+json"),
        ("authorization", "Bearer t"),
        ("content-type", "text/x"),
        ("cookie", "secret=1"),
        ("origin", own.as_str()),
        ("referer", "http://page/"),
        ("sec-fetch-site", "same-origin"),
        ("user-agent", "Browser/1"),
        ("accept-encoding", "gzip"),
        ("accept-language", "xx"),
    ];
    let answer = served.proxied("PATCH", &format!("http://{}/v2/x?a=b%2Fc", server.address()), &headers, b"12345");
    assert_eq!((status(&answer), answer.body.as_slice()), (418, &b"body"[..]));
    // Two bytes of UTF-8 are two characters, as pages read headers.
    assert_eq!(header(&answer, "x-odd").as_deref(), Some("\u{c3}\u{a9}"));
    assert_eq!(pairs(&answer).iter().filter(|(name, _)| name == "link").count(), 2);
    let requests = server.requests();
    let heard = &requests[0];
    assert_eq!(
        (heard.method.as_str(), heard.target.as_str(), heard.body.as_slice()),
        ("PATCH", "/v2/x?a=b%2Fc", &b"12345"[..])
    );
    let mut heard: Vec<_> = heard.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    heard.sort();
    let mut expected = [
        "accept: application/vnd.oci.image.index.v1+json",
        "accept-encoding: identity",
        "authorization: Bearer t",
        "content-length: 5",
        "content-type: text/x",
        &format!("host: {}", server.address()),
        concat!("user-agent: ocix/", env!("CARGO_PKG_VERSION")),
    ];
    expected.sort_unstable();
    assert_eq!(heard, expected);
}

/// Where a registry points, a page may read, but not as whom it is to the registry.
#[test]
fn redirects_are_followed_as_far_as_they_may() {
    let scratch = Scratch::new();
    let last = Server::start(|_| Response { status: 200, headers: Vec::new(), body: b"blob".to_vec() });
    let to = format!("http://{}/last?sig=1", last.address());
    let cdn =
        Server::start(move |_| Response { status: 302, headers: vec![("location", to.clone())], body: Vec::new() });
    let blob = format!("http://{}/blob?sig=1", cdn.address());
    let pointed = blob.clone();
    let registry = Server::start(move |request| {
        let to =
            if request.target.ends_with("/private") { "https://10.255.255.1/x".to_owned() } else { pointed.clone() };
        Response { status: 307, headers: vec![("location", to)], body: Vec::new() }
    });
    let served = Served::start(&scratch, &["--registry", &registry.address()]);
    let get = |url: &str, headers: &[(&str, &str)]| served.proxied("GET", url, headers, b"");
    let last_url = format!("http://{}/last?sig=1", last.address());
    refused(&get(&blob, &[]), 403, "--registry");
    let answer = get(&format!("http://{}/v2/x/blobs/b", registry.address()), &[("authorization", "Bearer t")]);
    assert_eq!((status(&answer), header(&answer, "location")), (307, Some(blob.clone())));
    refused(&get(&blob, &[("authorization", "Bearer t")]), 403, "only pointed at");
    refused(&served.proxied("PUT", &blob, &[], b"x"), 403, "only read");
    refused(&get(&blob.replace("sig=1", "sig=2"), &[]), 403, "--registry");
    refused(&get(&last_url, &[]), 403, "--registry");
    assert_eq!(status(&get(&blob, &[])), 302);
    let answer = get(&last_url, &[]);
    assert_eq!((status(&answer), answer.body.as_slice()), (200, &b"blob"[..]));
    assert_eq!((cdn.requests().len(), last.requests().len()), (1, 1));
    // A public registry's pointing does not lead into this network.
    assert_eq!(status(&get(&format!("http://{}/v2/private", registry.address()), &[])), 307);
    refused(&get("https://10.255.255.1/x", &[]), 403, "no public address");
}

#[test]
fn tls_is_as_everywhere() {
    need!("docker-registry", "openssl");
    let Some(address) = need::address() else { return };
    let scratch = Scratch::new();
    let authority = Authority::new(&scratch, "authority");
    let tls = Some(authority.certify("server", &format!("IP:{address}")));
    let registry = Registry::with(&scratch, &Setup { address, tls, ..Setup::default() });
    let name = registry.address();
    let url = format!("https://{name}/v2/");
    let with = |args: &[&str]| {
        Served::start(&scratch, &[&["--registry", &name], args].concat()).proxied("GET", &url, &[], b"")
    };
    refused(&with(&[]), 502, "not trusted");
    assert_eq!(status(&with(&["--registry-ca", authority.certificate().to_str().unwrap()])), 200);
    assert_eq!(status(&with(&["--insecure"])), 200);
}

/// A registry that answers before it has everything, one that goes away, and one that is not there.
#[test]
fn what_breaks_off_is_told() {
    let scratch = Scratch::new();
    let early = peer(|connection| {
        let body = "{\"errors\":[]}";
        let _ =
            write!(connection, "HTTP/1.1 413 x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
        std::thread::sleep(Duration::from_secs(5));
    });
    let short = peer(|connection| {
        let _ = write!(connection, "HTTP/1.1 200 x\r\ncontent-length: 100\r\n\r\nonly this");
    });
    let mute = peer(|_| {});
    let served = Served::start(
        &scratch,
        &["--registry", &early, "--registry", &short, "--registry", &mute, "--registry", "127.0.0.1:1"],
    );
    let url = |address: &str| format!("http://{address}/v2/x");
    let answer = served.proxied("PUT", &url(&early), &[], &vec![0; 64 << 20]);
    assert_eq!((status(&answer), answer.body.as_slice()), (413, &b"{\"errors\":[]}"[..]));
    let answer = served.proxied("GET", &url(&short), &[], b"");
    assert_eq!((answer.header("content-length"), answer.body.as_slice()), (Some("100"), &b"only this"[..]));
    refused(&served.proxied("GET", &url(&mute), &[], b""), 502, &mute);
    refused(&served.proxied("GET", &url("127.0.0.1:1"), &[], b""), 502, "is the registry running there?");
}

/// Listens for one connection, reads a head, and does this.
fn peer(then: impl FnOnce(&mut std::net::TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(connection.try_clone().unwrap());
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
            line.clear();
        }
        then(&mut connection);
    });
    address
}

/// What the one at the other end answered.
fn status(answer: &Answer) -> u16 {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.header("ocix-status").unwrap().parse().unwrap()
}

/// A header of what the one at the other end answered.
fn header(answer: &Answer, name: &str) -> Option<String> {
    pairs(answer).into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

fn pairs(answer: &Answer) -> Vec<(String, String)> {
    let json = decoded(answer.header("ocix-headers").unwrap());
    serde_json::from_slice(&json).unwrap()
}

/// The proxy itself refused, with this in its message.
fn refused(answer: &Answer, status: u16, word: &str) {
    let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let message = said["message"].as_str().unwrap_or_else(|| panic!("no message: {answer:?}"));
    assert!(answer.status == status && message.contains(word), "{} {message}", answer.status);
    assert!(!message.ends_with('.') && !message.contains('\n'), "{message}");
}

/// Base64.
fn decoded(text: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::new();
    for four in text.trim_end_matches('=').as_bytes().chunks(4) {
        let bits = four.iter().fold(0_u32, |bits, byte| bits << 6 | u32::from(value(*byte))) << (6 * (4 - four.len()));
        bytes.extend(&bits.to_be_bytes()[1..four.len()]);
    }
    bytes
}
