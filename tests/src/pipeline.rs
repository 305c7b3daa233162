//! Pipelines written as gst-launch writes them, run inside the test's own process.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use gst::prelude::*;

/// Loads the FQL plugin that was built beside this program.
pub fn load_plugin() -> Result<()> {
    gst::init()?;
    gst::Plugin::load_file(plugin_file()?)?;
    Ok(())
}

/// Loads GStreamer's clients of WHIP and WHEP, which `pipelines/webrtc-plugin debug` puts beside this program.
pub fn load_webrtc_plugin() -> Result<()> {
    gst::init()?;
    let file = plugin_folder()?.join("libgstwebrtchttp.so");
    gst::Plugin::load_file(&file).context("pipelines/webrtc-plugin debug builds it")?;
    Ok(())
}

/// The folder of the FQL plugin that was built beside this program, for `GST_PLUGIN_PATH`.
pub fn plugin_folder() -> Result<PathBuf> {
    Ok(plugin_file()?.parent().context("the plugin has no folder")?.to_owned())
}

/// Programs lie in the target folder itself, tests in its `deps`; the newest plugin beside either is the one.
fn plugin_file() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folders = program.ancestors().skip(1).take(2);
    let newest = folders
        .flat_map(|folder| [folder.join("libgstfql.so"), folder.join("deps/libgstfql.so")])
        .filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file)))
        .max();
    let (_, file) = newest.with_context(|| {
        format!("no libgstfql.so beside {}: build it with `cargo build -p gst-plugin-fql`", program.display())
    })?;
    Ok(file)
}

/// A pipeline that goes to NULL when it is dropped.
#[derive(Debug)]
pub struct Pipeline(gst::Pipeline);

impl Pipeline {
    /// Parses a description as gst-launch does, and starts to play it.
    pub fn play(description: &str) -> Result<Self> {
        let pipeline = Self::parse(description)?;
        pipeline.start()?;
        Ok(pipeline)
    }

    /// Parses a description as gst-launch does.
    pub fn parse(description: &str) -> Result<Self> {
        gst::init()?;
        let pipeline = gst::parse::launch(description).with_context(|| description.to_owned())?;
        Ok(Self(pipeline.downcast().ok().context("the description holds a single element")?))
    }

    /// Goes to PLAYING.
    pub fn start(&self) -> Result<()> {
        if self.0.set_state(gst::State::Playing).is_err() {
            bail!("the pipeline does not start: {}", self.first_error());
        }
        Ok(())
    }

    /// The element of this name.
    pub fn element(&self, name: &str) -> Result<gst::Element> {
        self.0.by_name(name).with_context(|| format!("no element named {name}"))
    }

    /// The only element that is made by this factory, in whatever bin.
    pub fn element_of(&self, factory: &str) -> Result<gst::Element> {
        let found = self.0.iterate_all_by_element_factory_name(factory).next()?;
        found.with_context(|| format!("no {factory} in the pipeline"))
    }

    /// The appsink of this name.
    pub fn app_sink(&self, name: &str) -> Result<gst_app::AppSink> {
        self.element(name)?.downcast().ok().with_context(|| format!("{name} is not an appsink"))
    }

    /// The appsrc of this name.
    pub fn app_src(&self, name: &str) -> Result<gst_app::AppSrc> {
        self.element(name)?.downcast().ok().with_context(|| format!("{name} is not an appsrc"))
    }

    /// The structure in the property `stats` of the element of this name.
    pub fn stats(&self, name: &str) -> Result<gst::Structure> {
        Ok(self.element(name)?.property("stats"))
    }

    /// Waits for the end of the stream; an error on the bus is an error here, `limit` is one too.
    pub fn wait(&self, limit: Duration) -> Result<()> {
        ensure!(self.ended_within(limit)?, "no end of the stream after {} s", limit.as_secs());
        Ok(())
    }

    /// Ends the stream from this side, and waits until all has come to its end.
    pub fn end(&self, limit: Duration) -> Result<()> {
        ensure!(self.0.send_event(gst::event::Eos::new()), "the pipeline takes no end of the stream");
        self.wait(limit)
    }

    /// Whether the stream ended within `limit`; an error on the bus is an error here.
    pub fn ended_within(&self, limit: Duration) -> Result<bool> {
        let bus = self.0.bus().context("a pipeline without a bus")?;
        let limit = gst::ClockTime::try_from(limit).context("too long a limit")?;
        match bus.timed_pop_filtered(limit, &[gst::MessageType::Eos, gst::MessageType::Error]) {
            None => Ok(false),
            Some(message) if message.type_() == gst::MessageType::Eos => Ok(true),
            Some(message) => bail!("{}", error_text(&message)),
        }
    }

    /// The first error on the bus, in words.
    pub fn first_error(&self) -> String {
        let message = self.0.bus().and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
        message.map_or_else(|| "no reason given".to_owned(), |message| error_text(&message))
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        // There is nobody left to tell, and the next test will notice.
        let _ = self.0.set_state(gst::State::Null);
    }
}

/// A file as the `file://` address that GStreamer takes.
pub fn file_uri(file: &Path) -> Result<String> {
    let file = file.canonicalize().with_context(|| file.display().to_string())?;
    Ok(gst::glib::filename_to_uri(file, None)?.to_string())
}

fn error_text(message: &gst::Message) -> String {
    let gst::MessageView::Error(error) = message.view() else { return format!("{message:?}") };
    let element = message.src().map_or_else(String::new, |src| src.path_string().to_string());
    format!("{element}: {} ({})", error.error(), error.debug().unwrap_or_default())
}
