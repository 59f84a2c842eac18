//! Changes to a config, as the flags `--entrypoint`, `--healthcheck` and the like ask for them: what comes out is a config, and to ask
//! for the same again changes nothing but what is added up.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocix_core::documents::config::Config;
use ocix_core::platform::Platform;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut config = Config::new(&"linux/amd64".parse::<Platform>().expect("a platform"));
    // A line each: a flag's name, a blank, its value.
    for line in text.split('\n') {
        let (flag, value) = line.split_once(' ').unwrap_or((line, ""));
        let change = [(flag.to_owned(), value.to_owned())];
        if config.apply(&change).is_err() {
            continue;
        }
        let document = config.assemble(&[], Some(0), 0, None).expect("a small config");
        Config::parse(&document).expect("what was written");
        // Relative to the folder before.
        if flag != "workdir" {
            config.apply(&change).expect("it could be applied before");
            let again = config.assemble(&[], Some(0), 0, None).expect("a small config");
            assert!(again == document, "{flag} again is something else");
        }
    }
});
