//! The built plugin as GStreamer's own tools see it, in processes of their own.

mod common;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const ELEMENTS: [&str; 11] = [
    "fqlenc",
    "fqldec",
    "fqlvideoenc",
    "fqlaudioenc",
    "fqlvideodec",
    "fqlaudiodec",
    "fqlfecsink",
    "fqlsrc",
    "fqlmux",
    "fqldemux",
    "fqlthin",
];

/// A folder that holds the plugin alone.
fn plugin_folder(test: &str) -> PathBuf {
    let file = format!("{}gstfql{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let built = std::env::current_exe().unwrap().parent().unwrap().join(&file);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(&built, folder.join(&file)).unwrap_or_else(|err| panic!("{}: {err}", built.display()));
    folder
}

/// A tool of GStreamer that knows the plugin and shares nothing with other processes.
fn tool(test: &str, name: &str) -> Command {
    let folder = plugin_folder(test);
    let mut command = Command::new(name);
    command.env("GST_PLUGIN_PATH", &folder).env("GST_REGISTRY", folder.join("registry.bin"));
    command
}

/// Runs it to its end, which comes within a minute or not at all.
fn run(command: &mut Command) -> (Output, String) {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap_or_else(|err| panic!("{command:?}: {err}"));
    let id = child.id();
    let (send, received) = std::sync::mpsc::channel();
    std::thread::spawn(move || send.send(child.wait_with_output()));
    let Ok(output) = received.recv_timeout(Duration::from_secs(60)) else {
        let _ = Command::new("kill").arg(id.to_string()).status();
        panic!("{command:?} does not end");
    };
    let output = output.unwrap();
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat();
    (output, text)
}

#[test]
fn every_element_is_inspected_with_all_its_properties_explained() {
    for element in ELEMENTS {
        let mut inspect = tool("inspect", "gst-inspect-1.0");
        inspect.arg(element);
        let (output, text) = run(&mut inspect);
        assert!(output.status.success(), "{element}: {text}");
        assert!(!text.contains("CRITICAL") && !text.contains("WARNING"), "{text}");
        for name in ["Long-name", "Klass", "Description", "Author", "Version", "License"] {
            assert!(text.contains(name), "{element} has no {name}");
        }
    }
}

#[test]
fn properties_have_nicks_and_blurbs_with_units() {
    use gst::prelude::*;
    common::init();
    let units = [
        ("bitrate", "kbit/s"),
        ("max-bitrate", "kbit/s"),
        ("latency", "milliseconds"),
        ("connect-timeout", "milliseconds"),
        ("buffer-size", "bytes"),
        ("mtu", "bytes"),
        ("stats", "bit/s"),
    ];
    for name in ELEMENTS {
        let element = gst::ElementFactory::make(name).build().unwrap();
        for pspec in element.list_properties() {
            let own = pspec.owner_type() == element.type_();
            let blurb = pspec.blurb().unwrap_or_default();
            assert!(!own || blurb.len() > 20, "{name}.{}: {blurb}", pspec.name());
            assert!(!own || pspec.nick() != pspec.name(), "{name}.{} has no nick", pspec.name());
            // Those of decoders hold counts alone.
            let is_counted = pspec.name() == "stats" && name.ends_with("dec");
            let is_checked = own && !is_counted;
            for (property, unit) in
                units.iter().filter(|(property, _)| is_checked && pspec.name() == *property)
            {
                assert!(blurb.contains(unit), "{name}.{property}: {blurb}");
            }
        }
    }
}

#[test]
fn the_passphrase_cannot_be_read() {
    use gst::prelude::*;
    common::init();
    for name in ["fqlfecsink", "fqlsrc"] {
        let element = gst::ElementFactory::make(name).property("passphrase", "secret").build().unwrap();
        assert!(!element.find_property("passphrase").unwrap().flags().contains(glib_readable()));
    }
}

fn glib_readable() -> gst::glib::ParamFlags {
    gst::glib::ParamFlags::READABLE
}

/// What a process of its own has to do, as it finds in its environment.
const TASK: &str = "FQL_TEST_TASK";

/// Starts, interrupts and restarts a sender and a receiver. The task `leak` also leaves something over, to show that
/// leaks are seen.
fn cycle(task: &str) {
    use gst::prelude::*;
    common::init();
    {
        let receiver = common::Receiver::start("udp://127.0.0.1:0", "passphrase=secret eos-on-goodbye=false");
        let sender = common::Sender::new(&receiver, "passphrase=secret", common::Wanted::ALL);
        for n in 1..4 {
            sender.player.pipeline.set_state(gst::State::Playing).unwrap();
            receiver.wait_for_buffers("video", 5 * n);
            sender.player.pipeline.set_state(gst::State::Null).unwrap();
        }
        for _ in 0..2 {
            sender.player.pipeline.set_state(gst::State::Playing).unwrap();
            sender.player.pipeline.set_state(gst::State::Null).unwrap();
            receiver.player.pipeline.set_state(gst::State::Null).unwrap();
            receiver.player.pipeline.set_state(gst::State::Playing).unwrap();
        }
        if task == "leak" {
            std::mem::forget(gst::ElementFactory::make("fqlfecsink").build());
        }
    }
    // SAFETY: the last use of GStreamer in this process, which ends after this.
    unsafe { gst::deinit() };
}

#[test]
fn senders_and_receivers_that_restart_leak_nothing() {
    if let Ok(task) = std::env::var(TASK) {
        return cycle(&task);
    }
    for task in ["cycle", "leak"] {
        let mut own = Command::new(std::env::current_exe().unwrap());
        own.args(["--exact", "senders_and_receivers_that_restart_leak_nothing", "--nocapture"]);
        let leaks = leaks_in(own.env(TASK, task));
        assert_eq!(leaks.contains("GstFqlFecSink"), task == "leak", "{leaks}");
        assert_eq!(leaks.is_empty(), task == "cycle", "{leaks}");
    }
}

/// Runs a pipeline to its end under the tracer that tells which objects are left over.
fn leaks_of(test: &str, pipeline: &str) -> String {
    let mut launch = tool(test, "gst-launch-1.0");
    leaks_in(launch.arg("-q").args(pipeline.split_whitespace()))
}

fn leaks_in(command: &mut Command) -> String {
    command.env("GST_TRACERS", "leaks").env("GST_DEBUG", "GST_TRACER:7").env("GST_DEBUG_NO_COLOR", "1");
    let (output, text) = run(command);
    assert!(output.status.success(), "{text}");
    let is_leak =
        |line: &&str| line.contains("object-alive, type-name=") && !line.contains("new format string");
    text.lines().filter(is_leak).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_stream_over_the_network_leaks_nothing() {
    let port = common::free_port();
    let leaks = leaks_of(
        "leaks-network",
        &format!(
            "videotestsrc num-buffers=15 ! video/x-raw,width=64,height=48 ! fqlenc ! queue ! s. \
             audiotestsrc num-buffers=30 ! audio/x-raw,rate=48000,channels=2 ! fqlenc ! queue ! s. \
             fqlfecsink name=s uri=udp://127.0.0.1:{port} passphrase=secret \
             fqlsrc name=r uri=udp://127.0.0.1:{port} passphrase=secret \
             r.video_0 ! queue ! fqldec ! fakesink async=false r.audio_0 ! queue ! fqldec ! fakesink async=false"
        ),
    );
    assert!(leaks.is_empty(), "{leaks}");
}

#[test]
fn a_change_of_kind_leaks_nothing() {
    let leaks = leaks_of(
        "leaks-kind",
        "concat name=c ! fqlenc ! fqldec ! fakesink \
         videotestsrc num-buffers=3 ! video/x-raw,format=I420,width=32,height=32 ! c. \
         audiotestsrc num-buffers=3 ! audio/x-raw,format=S16LE,rate=48000,channels=1 ! c.",
    );
    assert!(leaks.is_empty(), "{leaks}");
}

#[test]
fn a_pads_own_properties_are_set_on_the_command_line() {
    let port = common::free_port();
    let leaks = leaks_of(
        "pad-properties",
        &format!(
            "fqlfecsink name=s uri=udp://127.0.0.1:{port} connect-timeout=0 sink_0::sync=false sink_0::async=false \
             videotestsrc num-buffers=500 ! video/x-raw,width=16,height=16 ! fqlenc ! s.sink_0"
        ),
    );
    assert!(leaks.is_empty(), "{leaks}");
}
