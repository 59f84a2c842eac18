//! `ocix serve`: who is answered, and with what. Requests are made by hand, so that they can be as wrong as any.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use ocix_tests::http::ask;
use ocix_tests::scratch::repository;
use ocix_tests::{Run, Scratch, Served};
use rustix::process::Signal;

#[test]
fn only_the_token_opens() {
    let scratch = Scratch::new();
    let served = Served::start(&scratch, &[]);
    let (address, page) = (served.address.as_str(), served.root.as_str());
    let status =
        |method: &str, target: &str, headers: &[(&str, &str)]| ask(address, method, target, headers, b"").status;
    let told = format!("{page}serve.json");
    assert_eq!(status("GET", &told, &[]), 200);
    let shorter = format!("{}/serve.json", &page[..page.len() - 2]);
    for target in ["/", "/serve.json", "/store/index.json", "/proxy?url=http://localhost/", "//", &shorter] {
        assert_eq!(status("GET", target, &[]), 404, "{target}");
        assert_eq!(status("POST", target, &[]), 404, "{target}");
    }
    let port = address.rsplit_once(':').unwrap().1;
    let table = [
        ("host", format!("localhost:{port}"), 200),
        ("host", format!("evil.example:{port}"), 403),
        ("host", "127.0.0.1".to_owned(), 403),
        ("host", "127.0.0.1:1".to_owned(), 403),
        ("origin", format!("http://{address}"), 200),
        ("origin", "http://evil.example".to_owned(), 403),
        ("origin", "null".to_owned(), 403),
        ("sec-fetch-site", "same-origin".to_owned(), 200),
        ("sec-fetch-site", "cross-site".to_owned(), 403),
    ];
    for (name, value, expected) in table {
        assert_eq!(status("GET", &told, &[(name, &value)]), expected, "{name}: {value}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"] {
        let answer = ask(address, method, &told, &[], b"");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    let answer = ask(address, "GET", &told, &[], b"");
    let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(said, serde_json::json!({ "version": env!("CARGO_PKG_VERSION"), "store": true, "registries": [] }));
    for target in [told.as_str(), "/", page] {
        let answer = ask(address, "GET", target, &[], b"");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{target} {name}");
        }
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{target}: {policy}"
        );
    }
}

/// The files of `web/dist`, when the program was built with them.
#[test]
fn the_page_is_served() {
    let scratch = Scratch::new();
    let served = Served::start(&scratch, &["--no-store"]);
    let page = served.get("", &[]);
    let built = repository().join("web/dist/index.html");
    if page.status == 404 {
        assert!(String::from_utf8(page.body).unwrap().contains("`cargo xtask web`"));
        ocix_tests::need::missing("ocix was built without the page");
        return;
    }
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(page.body, fs::read(built).unwrap());
    let text = String::from_utf8(page.body.clone()).unwrap();
    let policy = page.header("content-security-policy").unwrap().strip_suffix("; frame-ancestors 'none'").unwrap();
    assert!(text.contains(&format!("content=\"{policy}\"")), "{policy}");
    let known = served.get("", &[("if-none-match", page.header("etag").unwrap())]);
    assert_eq!((known.status, known.body.len()), (304, 0));
    let mut types = Vec::new();
    for entry in fs::read_dir(repository().join("web/dist")).unwrap().map(|entry| entry.unwrap()) {
        if entry.file_type().unwrap().is_file() {
            let answer = served.get(entry.file_name().to_str().unwrap(), &[]);
            assert_eq!((answer.status, answer.body.len() as u64), (200, entry.metadata().unwrap().len()), "{entry:?}");
            assert_eq!(answer.header("content-security-policy"), page.header("content-security-policy"));
            types.push(answer.header("content-type").unwrap().to_owned());
        }
    }
    assert!(types.iter().any(|it| it == "text/javascript; charset=utf-8"), "{types:?}");
    for nothing in ["index.htm", "../Cargo.toml", "%2e%2e/Cargo.toml", "pkg/", "/etc/passwd"] {
        assert_eq!(served.get(nothing, &[]).status, 404, "{nothing}");
    }
}

#[test]
fn the_store_is_read_and_nothing_else() {
    let scratch = Scratch::new();
    let served = Served::start(&scratch, &[]);
    assert_eq!(served.get("store/index.json", &[]).status, 404);
    let digest =
        scratch.export(scratch.site(), "type=image,name=example.com/x:t", &["--source-date-epoch=0"]).ok().digest();
    let index = served.get("store/index.json", &[]);
    assert_eq!(index.body, fs::read(scratch.path("store/index.json")).unwrap());
    assert_eq!(served.get("store/oci-layout", &[]).body, fs::read(scratch.path("store/oci-layout")).unwrap());
    let path = format!("store/blobs/{}", digest.replace(':', "/"));
    let blob = fs::read(scratch.path(&path)).unwrap();
    let whole = served.get(&path, &[]);
    let etag = format!("\"{digest}\"");
    assert_eq!((whole.status, whole.header("etag"), &whole.body), (200, Some(etag.as_str()), &blob));
    assert_eq!(whole.header("content-type"), Some("application/octet-stream"));
    let head = ask(&served.address, "HEAD", &format!("{}{path}", served.root), &[], b"");
    assert_eq!((head.status, head.header("content-length")), (200, Some(blob.len().to_string().as_str())));
    let size = blob.len();
    let table: [(Headers<'_>, u16, &[u8]); 8] = [
        (&[("range", "bytes=2-5")], 206, &blob[2..6]),
        (&[("range", "bytes=5-")], 206, &blob[5..]),
        (&[("range", "bytes=-4")], 206, &blob[size - 4..]),
        (&[("range", "bytes=0-999999")], 206, &blob),
        (&[("range", "bytes=999999-")], 416, b""),
        (&[("range", "bytes=0-1"), ("if-range", "\"other\"")], 200, &blob),
        (&[("range", "bytes=0-1"), ("if-range", &etag)], 206, &blob[..2]),
        (&[("if-none-match", &etag)], 304, b""),
    ];
    for (headers, status, bytes) in table {
        let answer = served.get(&path, headers);
        assert_eq!((answer.status, answer.body.as_slice()), (status, bytes), "{headers:?}");
    }
    let part = served.get(&path, &[("range", "bytes=2-5")]);
    assert_eq!(part.header("content-range"), Some(format!("bytes 2-5/{size}").as_str()));

    // The index of another image is another version.
    scratch.export(scratch.site(), "type=image,name=example.com/y:t", &[]).ok();
    assert_ne!(served.get("store/index.json", &[]).header("etag"), index.header("etag"));

    let hex = "0".repeat(64);
    scratch.write("secret", "secret");
    std::os::unix::fs::symlink(scratch.path("secret"), scratch.path(format!("store/blobs/sha256/{hex}"))).unwrap();
    std::os::unix::fs::symlink(scratch.path("home"), scratch.path("store/blobs/sha512")).unwrap();
    scratch.write(&format!("home/{hex}"), "secret");
    fs::create_dir(scratch.path("store/blobs/sha256/1")).unwrap();
    for path in [
        "",
        "known",
        ".lock",
        "../secret",
        "%2e%2e/secret",
        "blobs/sha256/../../../secret",
        "blobs/sha256/1",
        "blobs/sha256",
        &format!("blobs/sha256/{hex}"),
        &format!("blobs/sha512/{hex}"),
        "/etc/passwd",
        "blobs//etc/passwd",
    ] {
        let answer = served.get(&format!("store/{path}"), &[]);
        assert!(answer.status >= 400 && !answer.body.windows(6).any(|it| it == b"secret"), "{path}: {}", answer.status);
    }
    assert_eq!(ask(&served.address, "PUT", &format!("{}{path}", served.root), &[], b"x").status, 405);
    let kept = Served::start(&scratch, &["--no-store"]);
    assert_eq!(kept.get(&path, &[]).status, 404);
    let told: serde_json::Value = serde_json::from_slice(&kept.get("serve.json", &[]).body).unwrap();
    assert_eq!(told["store"], false);
}

/// A blob of a gigabyte is sent as it is read.
#[test]
fn big_blobs_are_not_held() {
    let scratch = Scratch::new();
    let served = Served::start(&scratch, &[]);
    let path = format!("store/blobs/sha256/{}", "a".repeat(64));
    fs::create_dir_all(scratch.path("store/blobs/sha256")).unwrap();
    fs::File::create(scratch.path(&path)).unwrap().set_len(1 << 30).unwrap();
    let mut connection = TcpStream::connect(&served.address).unwrap();
    let head = format!("GET {}{path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", served.root, served.address);
    connection.write_all(head.as_bytes()).unwrap();
    let count = std::io::copy(&mut connection, &mut std::io::sink()).unwrap();
    assert!(count > 1 << 30, "{count}");
    assert!(served.peak_memory() < 100 << 20, "{} bytes", served.peak_memory());
}

#[test]
fn only_this_machine_is_listened_to() {
    let scratch = Scratch::new();
    let serve = |args: &[&str]| Run::of(scratch.ocix().arg("serve").args(args));
    serve(&["--listen", "0.0.0.0:0"]).failed(2, &["0.0.0.0:0", "loopback", "ssh -L"]);
    serve(&["--listen", "[::]:0"]).failed(2, &["loopback"]);
    serve(&["--listen", "192.0.2.1:80"]).failed(2, &["loopback"]);
    serve(&["--listen", "somewhere"]).failed(2, &["somewhere", "127.0.0.1:8080"]);
    serve(&["--registry", "not a registry"]).failed(2, &["not a registry"]);
    let taken = Served::start(&scratch, &["--listen", "localhost:0"]);
    serve(&["--listen", &taken.address]).failed(1, &[&taken.address, "cannot be listened at"]);
}

/// With an answer under way too.
#[test]
fn an_interrupt_ends_it() {
    let scratch = Scratch::new();
    for signal in [Signal::INT, Signal::TERM] {
        let mut served = Served::start(&scratch, &[]);
        let path = format!("store/blobs/sha256/{}", "a".repeat(64));
        fs::create_dir_all(scratch.path("store/blobs/sha256")).unwrap();
        fs::File::create(scratch.path(&path)).unwrap().set_len(1 << 40).unwrap();
        let mut connection = TcpStream::connect(&served.address).unwrap();
        let head = format!("GET {}{path} HTTP/1.1\r\nhost: {}\r\n\r\n", served.root, served.address);
        connection.write_all(head.as_bytes()).unwrap();
        connection.read_exact(&mut [0; 4096]).unwrap();
        let start = Instant::now();
        assert_eq!(served.end(signal), Some(130));
        assert!(start.elapsed() < Duration::from_secs(2));
        assert!(TcpStream::connect(&served.address).is_err());
    }
}

/// The address does not appear in the browser's arguments, which everybody on the machine can read.
#[test]
fn a_browser_is_opened() {
    let scratch = Scratch::new();
    let out = scratch.path("opened");
    let script =
        format!("#!/bin/sh\necho \"$1\" > '{0}.new'\ncat \"$1\" >> '{0}.new'\nmv '{0}.new' '{0}'\n", out.display());
    let program = scratch.write("bin/xdg-open", script);
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    scratch.folder("run");
    let mut served = Served::start(&scratch, &["--open"]);
    let opened = (0..400).find_map(|_| {
        std::thread::sleep(Duration::from_millis(25));
        fs::read_to_string(&out).ok()
    });
    let opened = opened.expect("no browser was opened");
    let (link, page) = opened.split_once('\n').unwrap();
    assert!(link.starts_with(scratch.path("run").to_str().unwrap()) && !link.contains(&served.root), "{link}");
    assert!(page.contains(&format!("url=http://{}{}\"", served.address, served.root)), "{page}");
    assert_eq!(fs::metadata(link).unwrap().permissions().mode() & 0o777, 0o600);
    served.end(Signal::INT);
    assert!(!fs::exists(link).unwrap());
}

/// Names and values.
type Headers<'h> = &'h [(&'h str, &'h str)];
