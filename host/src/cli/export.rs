//! `ocix export`: contents become images, and go where their outputs say.

use std::process::ExitCode;

use clap::Args;
use ocix::{Error, Job, Source};

use super::answer::Answer;
use super::config::Config;
use super::settings::Settings;
use super::transfer::Transfer;
use super::{attestation, failed, source};

/// The command.
#[derive(Args)]
pub struct Export {
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    outputs: Outputs,
    #[command(flatten)]
    config: Config,
    #[command(flatten)]
    answer: Answer,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
struct Inputs {
    /// What to export: a directory, a tar (plain, gzip, zstd), an OCI layout, or - for a tar on standard input.
    ///
    /// Others, or the same said outright: dir:PATH, tar:PATH (of a root file system), oci:PATH[#NAME] (a layout, or a tar of one),
    /// oci-archive:PATH[#NAME], docker-archive:PATH[#NAME], registry:REF or docker://REF, store:NAME. With the platform before it, as in
    /// linux/amd64=DIR, several become one multi-platform image.
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<String>,
    /// An image, written as a SOURCE, whose layers go beneath directories and tars, or on which SOURCE is built: they are left as they are.
    #[arg(long, value_name = "SOURCE")]
    base: Option<String>,
    /// What a directory or tar runs on, as OS/ARCH[/VARIANT] [default: linux on this machine's architecture]; of images with several
    /// platforms, which ones, joined by commas or repeated [default: all].
    #[arg(long = "platform", value_name = "PLATFORM", value_delimiter = ',')]
    platforms: Vec<String>,
    /// Make an image index of a single platform too.
    #[arg(long)]
    multi_platform: bool,
    /// Keep all extended attributes of a directory, not only security.capability.
    #[arg(long)]
    xattrs: bool,
    /// An in-toto statement about the image: FILE or statement=FILE; or a predicate: type=TYPE,predicate=FILE. With ,platform=PLATFORM it is
    /// of that image alone; repeatable.
    #[arg(long = "attestation", value_name = "SPEC")]
    attestations: Vec<String>,
}

#[derive(Args)]
#[command(next_help_heading = "Outputs")]
struct Outputs {
    /// What to make and where it goes, for example type=image,name=site:latest; a path alone is a directory for the file system, - a tar of
    /// it on standard output; repeatable.
    #[arg(short, long = "output", value_name = "SPEC")]
    outputs: Vec<String>,
    /// A name for the images, in the place of those in outputs; without any output, the image is stored under it; repeatable.
    #[arg(short, long = "tag", value_name = "NAME")]
    tags: Vec<String>,
    /// Push the images to their registries.
    #[arg(long)]
    push: bool,
    /// Load the image into docker, or into podman where docker is not; into the engine of --store, if there is one.
    #[arg(long)]
    load: bool,
    /// An annotation for every output, for example manifest[linux/amd64]:KEY=VALUE; repeatable.
    #[arg(long = "annotation", value_name = "[LEVEL:]KEY=VALUE")]
    annotations: Vec<String>,
    #[command(flatten)]
    transfer: Transfer,
}

impl Export {
    /// Exports, gives the answer, and the exit code.
    pub fn run(self) -> ExitCode {
        let Self { inputs, outputs, config, answer, settings } = self;
        let job = settings.epoch().and_then(|epoch| job(inputs, outputs, config, epoch));
        match job.and_then(|job| settings.export(job, answer.quiet())) {
            Ok(results) => answer.give(&results),
            Err(error) => failed(&error),
        }
    }
}

fn job(inputs: Inputs, outputs: Outputs, config: Config, epoch: Option<i64>) -> Result<Job, Error> {
    let Inputs { sources, base, platforms, multi_platform, xattrs, attestations } = inputs;
    let Outputs { outputs, tags, push, load, annotations, transfer } = outputs;
    let (config, changes) = config.parts();
    let mut job = Job {
        contents: source::parse_all(&sources)?,
        base: base.as_deref().map(source::parse).transpose()?,
        platforms,
        multi_platform,
        config,
        changes,
        attestations: attestations.iter().map(|spec| attestation::parse(spec)).collect::<Result<_, _>>()?,
        outputs,
        tags,
        annotations,
        push,
        load,
        epoch,
        xattrs,
        transfer: transfer.settings(),
        ..Job::default()
    };
    place(&mut job);
    Ok(job)
}

/// What cannot say what it runs on, runs on the only platform that is asked for.
fn place(job: &mut Job) {
    if let ([content], [platform]) = (job.contents.as_mut_slice(), job.platforms.as_slice())
        && matches!(content.source, Source::Archive(_) | Source::Directory(_) | Source::Stdin)
    {
        content.platform.get_or_insert_with(|| platform.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_platform_places_what_has_none() {
        let placed = |source: Source, own: Option<&str>, asked: &[&str]| {
            let mut job = Job::new(source, "type=image");
            job.contents[0].platform = own.map(str::to_owned);
            job.platforms = asked.iter().map(|&platform| platform.to_owned()).collect();
            place(&mut job);
            job.contents[0].platform.clone()
        };
        let (arm, amd) = ("linux/arm64", "linux/amd64");
        assert_eq!(placed(Source::Stdin, None, &[arm]).as_deref(), Some(arm));
        assert_eq!(placed(Source::Directory("d".into()), Some(amd), &[arm]).as_deref(), Some(amd));
        assert_eq!(placed(Source::Archive("a".into()), None, &[arm, amd]), None);
        assert_eq!(placed(Source::Layout("l".into()), None, &[arm]), None);
        assert_eq!(placed(Source::Stdin, None, &[]), None);
    }
}
