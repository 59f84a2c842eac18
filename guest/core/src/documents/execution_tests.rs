//! What the flags for an image's config do to it.

use super::*;
use crate::documents::config::Config;
use crate::error::Code;

const SOURCE: &str = concat!(
    r#"{"X":[1.0],"Labels":{"b":"2"},"Cmd":["old"],"Entrypoint":["sh"],"Env":["A=1","PATH=/bin","a=2"],"#,
    r#""ExposedPorts":{"80/tcp":{"y":1}},"WorkingDir":"/srv/","Y":null}"#
);

fn applied(source: &str, os: &str, changes: &[(&str, &str)]) -> Result<String> {
    let rest = r#""rootfs":{"type":"layers","diff_ids":[]}"#;
    let document = format!(r#"{{"os":"{os}","architecture":"amd64","config":{source},{rest}}}"#);
    let mut config = Config::parse(document.as_bytes())?;
    let changes: Vec<_> = changes.iter().map(|(flag, value)| ((*flag).to_owned(), (*value).to_owned())).collect();
    config.apply(&changes)?;
    let written = String::from_utf8(config.assemble(&[], Some(0), 0, None)?).expect("UTF-8");
    let (_, config) = written.split_once(r#""config":"#).expect("a config");
    let (config, _) = config.split_once(r#","created":"#).expect("an end");
    Ok(config.to_owned())
}

#[test]
fn a_change_keeps_the_rest_and_sorts_the_known() {
    assert_eq!(applied(SOURCE, "linux", &[]), Ok(SOURCE.into()));
    let expected = concat!(
        r#"{"User":"1000","ExposedPorts":{"80/tcp":{"y":1}},"Env":["A=1","PATH=/bin","a=2"],"Entrypoint":["sh"],"Cmd":["old"],"#,
        r#""WorkingDir":"/srv/","Labels":{"b":"2"},"X":[1.0],"Y":null}"#
    );
    assert_eq!(applied(SOURCE, "linux", &[("user", "1000")]), Ok(expected.into()));
    assert_eq!(applied("null", "linux", &[("user", "a<b")]), Ok(r#"{"User":"a\u003cb"}"#.into()));
}

#[test]
fn flags_are_the_dockerfiles() {
    for (source, changes, expected) in [
        ("{}", &[("entrypoint", r#"["/x","a b"]"#)][..], r#"{"Entrypoint":["/x","a b"]}"#),
        (
            "{}",
            &[("entrypoint", " [ -f /x ] && /x ")],
            r#"{"Entrypoint":["/bin/sh","-c","[ -f /x ] \u0026\u0026 /x"]}"#,
        ),
        (r#"{"Shell":["bash"]}"#, &[("entrypoint", "x")], r#"{"Entrypoint":["bash","x"],"Shell":["bash"]}"#),
        (r#"{"Cmd":["a"]}"#, &[("entrypoint", "[]")], "{}"),
        (r#"{"Cmd":["a"]}"#, &[("cmd", "")], "{}"),
        (r#"{"Cmd":["a"]}"#, &[("user", "u")], r#"{"User":"u","Cmd":["a"]}"#),
        (
            r#"{"Cmd":["a"]}"#,
            &[("cmd", r#"["b"]"#), ("entrypoint", r#"["c"]"#)],
            r#"{"Entrypoint":["c"],"Cmd":["b"],"ArgsEscaped":true}"#,
        ),
        ("{}", &[("env", "A=b=c"), ("env", "B="), ("env", "A=d")], r#"{"Env":["A=d","B="]}"#),
        (r#"{"Env":["A=1","AB=2"]}"#, &[("env", "AB=3")], r#"{"Env":["A=1","AB=3"]}"#),
        ("{}", &[("label", "z=1"), ("label", "a=x y"), ("label", "z=")], r#"{"Labels":{"a":"x y","z":""}}"#),
        (
            r#"{"ExposedPorts":{"9/tcp":{}}}"#,
            &[("expose", "80"), ("expose", "53/UDP"), ("expose", "7-8/sctp")],
            r#"{"ExposedPorts":{"53/udp":{},"7/sctp":{},"8/sctp":{},"80/tcp":{},"9/tcp":{}}}"#,
        ),
        ("{}", &[("volume", "/b"), ("volume", r#"["/a","/c d"]"#)], r#"{"Volumes":{"/a":{},"/b":{},"/c d":{}}}"#),
        (r#"{"Volumes":null}"#, &[("volume", "/b")], r#"{"Volumes":{"/b":{}}}"#),
        ("{}", &[("workdir", "a/./b/"), ("workdir", "../c")], r#"{"WorkingDir":"/a/c"}"#),
        (r#"{"WorkingDir":"/a"}"#, &[("workdir", "/../b//c")], r#"{"WorkingDir":"/b/c"}"#),
        (r#"{"StopSignal":"1"}"#, &[("stop-signal", "SIGRTMIN+3")], r#"{"StopSignal":"SIGRTMIN+3"}"#),
        (r#"{"StopSignal":"1","User":"u"}"#, &[("stop-signal", ""), ("user", "")], "{}"),
        (r#"{"Healthcheck":{"Test":["CMD","x"]}}"#, &[("healthcheck", "NONE")], r#"{"Healthcheck":{"Test":["NONE"]}}"#),
    ] {
        assert_eq!(applied(source, "linux", changes), Ok(expected.into()), "{changes:?}");
    }
}

#[test]
fn windows_has_its_own_shell_and_paths() {
    for (changes, expected) in [
        (&[("entrypoint", "dir")][..], r#"{"Entrypoint":["cmd","/S","/C","dir"]}"#),
        (&[("workdir", "a/b"), ("workdir", r"..\c")], r#"{"WorkingDir":"C:\\a\\c"}"#),
        (&[("workdir", r"d:\a"), ("workdir", r"\b")], r#"{"WorkingDir":"d:\\b"}"#),
    ] {
        assert_eq!(applied("{}", "windows", changes), Ok(expected.into()), "{changes:?}");
    }
}

#[test]
fn author_is_a_member_at_the_top() -> Result<()> {
    let mut config = Config::new(&"linux/amd64".parse()?);
    config.apply(&[("author".into(), "me".into())])?;
    let text =
        |config: &Config| Ok::<_, Error>(String::from_utf8(config.assemble(&[], None, 0, None)?).expect("UTF-8"));
    assert!(text(&config)?.starts_with(r#"{"architecture":"amd64","author":"me","config":{"Env":"#));
    config.apply(&[("author".into(), String::new())])?;
    assert!(!text(&config)?.contains("author"));
    Ok(())
}

#[test]
fn wrong_values_name_their_flag() {
    for (flag, value) in [
        ("entrypoint", "[1]"),
        ("cmd", r#"["a",null]"#),
        ("env", "A"),
        ("env", "=b"),
        ("label", "=b"),
        ("expose", "0x50"),
        ("expose", "65536"),
        ("expose", "9-8"),
        ("expose", "80/icmp"),
        ("expose", "80:80"),
        ("expose", ""),
        ("volume", ""),
        ("volume", "[]"),
        ("volume", r#"[""]"#),
        ("workdir", ""),
        ("stop-signal", "SIG TERM"),
        ("healthcheck", "x"),
        ("shell", "x"),
    ] {
        let error = applied("{}", "linux", &[(flag, value)]).map_err(|error| error.code);
        assert_eq!(error, Err(Code::InvalidOption(flag.into())), "{flag} {value}");
    }
}
