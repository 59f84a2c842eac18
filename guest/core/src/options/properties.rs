//! Properties of outputs that hold for any of them: printing and reading are each other's reverse, and order does not matter.

use super::*;

/// A generator that gives the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }

    fn one_of<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.below(texts.len())]
    }

    fn text(&mut self, letters: &str, most: usize) -> String {
        let letters: Vec<char> = letters.chars().collect();
        (0..self.below(most)).map(|_| letters[self.below(letters.len())]).collect()
    }
}

/// Fields of an output, the type first, unquoted: any options of the type with any values that they take.
fn fields(random: &mut Random) -> Vec<String> {
    let exporter = Exporter::ALL[random.below(Exporter::ALL.len())];
    let mut fields = vec![format!("type={}", exporter.as_str())];
    for row in table().iter().skip(1).filter(|row| row.exporters.contains(&exporter)) {
        if random.below(3) == 0 {
            continue;
        }
        let value = match row.kind() {
            Kind::Flag => random.one_of(&["true", "false", "1", "F", ""]).to_owned(),
            Kind::Bool => random.one_of(&["true", "false", "T", "0"]).to_owned(),
            Kind::Choice => random.one_of(row.choices).to_owned(),
            Kind::Number if row.key == "compression-level" => random.below(10).to_string(),
            Kind::Number => random.one_of(&["0", "-5", "1700000000"]).to_owned(),
            Kind::Texts => random.one_of(&["a", "*", "a,b", "example.com:5000/a/b:v1,*,localhost/c"]).to_owned(),
            Kind::Text if row.head().is_some() => random.text("ab=\",\n\r \\é<&'", 12),
            Kind::Text if row.key == "dest" => random.one_of(&["a", "b,c", "d \"e\"", "é/-"]).to_owned(),
            Kind::Text => random.one_of(&["a", "example.com/team/site"]).to_owned(),
        };
        let platform = random.one_of(&["", "[linux/amd64]", "[linux/arm]", "[windows/arm64/v8]"]);
        let own =
            if row.head().is_some() { format!("{platform}.K{}", random.text("ab,\"[].é", 6)) } else { String::new() };
        fields.push(format!("{}={value}", row.written(&own)));
    }
    fields
}

fn join(fields: &[String]) -> String {
    fields.iter().map(|field| csv::quoted(field)).collect::<Vec<_>>().join(",")
}

#[test]
fn printed_outputs_are_read_as_they_were() {
    let (mut random, mut taken) = (Random(1), 0);
    for _ in 0..20_000 {
        let fields = fields(&mut random);
        let Ok(output) = parse(&join(&fields)) else { continue };
        let printed = output.to_string();
        assert_eq!(parse(&printed).as_ref(), Ok(&output), "{fields:?}\n{printed}");
        assert_eq!(parse(&printed).unwrap().to_string(), printed);
        taken += 1;
    }
    assert!(taken > 2_000, "only {taken} outputs had no conflict");
}

#[test]
fn the_order_of_fields_does_not_matter() {
    let mut random = Random(2);
    for _ in 0..5_000 {
        let mut fields = fields(&mut random);
        let verdict = parse(&join(&fields));
        for at in (1..fields.len()).rev() {
            fields.swap(at, random.below(at + 1));
        }
        assert_eq!(parse(&join(&fields)), verdict, "{fields:?}");
    }
}

#[test]
fn only_what_differs_is_printed() {
    for (text, printed) in [
        ("type=image,push=false,store=true,compression=gzip,compatibility-version=30", "type=image"),
        ("name=a,type=registry,push", "type=registry,name=a"),
        ("type=registry,push=0", "type=registry,push=false"),
        ("dest=-,type=oci,tar=T", "type=oci"),
        ("-", "type=tar"),
        ("dir", "type=local,dest=dir"),
        ("type=oci,attestation-inline=false", "type=oci"),
        ("type=oci,oci-mediatypes=true", "type=oci,oci-mediatypes=true"),
        ("type=oci,compression-level=4", "type=oci,compression-level=4"),
        ("type=oci,compression-level=0,compression=zstd", "type=oci,compression=zstd,compression-level=3"),
        ("type=oci,Annotation-Manifest[linux/aarch64].K=\"\"", ""),
        ("type=oci,\"Annotation-Manifest[linux/aarch64].K=a\"\"b\"", "type=oci,\"annotation[linux/arm64].K=a\"\"b\""),
        ("type=image,danging-name-empty-only=", "type=image,dangling-name-empty-only=true"),
        ("type=tar,source-date-epoch=", "type=tar,source-date-epoch="),
    ] {
        let output = parse(text);
        assert_eq!(output.map(|output| output.to_string()).unwrap_or_default(), printed, "{text}");
    }
}

/// Through an output's text and through `--annotation`, any value arrives as it was.
#[test]
fn annotations_go_through_unharmed() {
    let mut random = Random(3);
    for _ in 0..5_000 {
        let value = random.text("ab=\",\n\r \\é<&':", 16);
        let key = format!("k{}", random.text("aB.-_/\",[]", 8));
        let text = join(&["type=oci".into(), format!("annotation.{key}={value}")]);
        let output = parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let [annotation] = output.annotations.as_slice() else { panic!("{text}") };
        assert_eq!((&annotation.key, &annotation.value), (&key, &value), "{text}");
        let flag = format!("manifest:{key}={value}");
        let request = Request { outputs: vec!["type=oci".into()], annotations: vec![flag], ..Request::default() };
        assert_eq!(outputs(&request), Ok(vec![output]), "{text}");
    }
}
