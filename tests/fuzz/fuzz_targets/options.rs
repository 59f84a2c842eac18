//! An output's options: what is printed of them is read as the same, and the shorthands fail or give outputs that hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocix_core::options::{Annotation, Request, outputs, parse};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(output) = parse(text) {
        let printed = output.to_string();
        let again = parse(&printed).unwrap_or_else(|error| panic!("{printed}: {error}"));
        assert_eq!(again, output, "{printed}");
        assert_eq!(again.to_string(), printed);
    }
    let _ = Annotation::of_flag(text);
    // A line each: an output, a tag, an annotation.
    let mut lines = text.split('\n').map(str::to_owned);
    let mut request = Request { push: text.len() % 2 == 1, load: text.len() % 3 == 1, ..Request::default() };
    request.outputs.extend(lines.next().filter(|line| !line.is_empty()));
    request.tags.extend(lines.next().filter(|line| !line.is_empty()));
    request.annotations.extend(lines);
    for output in outputs(&request).unwrap_or_default() {
        let printed = output.to_string();
        let again = parse(&printed).unwrap_or_else(|error| panic!("{printed}: {error}"));
        assert_eq!(again, output, "{printed}");
    }
});
