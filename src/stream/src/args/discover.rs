//! Arguments of `stream discover`.

use std::net::Ipv4Addr;

use clap::Args;

pub const EXAMPLES: &str = "\
Examples:
  stream discover                                     lists the cameras that answer, and their streams
  stream discover --user admin                        asks for the password on the terminal
  stream discover --user admin --password - < file    reads it from standard input
  stream discover --user admin --address 192.168.7.20 --add front-door
                                                      makes a pulled stream of the one that is listed so
  stream discover --user admin --add 192.168.7.20 --as garden --always

It is the server that looks, and only where it is configured to (discover.enabled). The password goes to the
server, whose search sends digests of it alone; --address names the cameras that are to see one. --add puts it into
the source of a camera that asks for a user, which so gets the password: by Basic of RTSP in clear.";

/// Arguments of `stream discover`.
#[derive(Debug, Args)]
pub struct Discover {
    /// A user of the cameras
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// The user's password; - reads it from standard input. Without it the terminal is asked
    #[arg(long, requires = "user")]
    pub password: Option<String>,
    /// How many seconds answers are waited for, 1 to 10
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=10))]
    pub wait: u8,
    /// Only the camera at this IPv4 address; several may be given
    #[arg(long, value_name = "ADDRESS")]
    pub address: Vec<Ipv4Addr>,
    /// Make a pulled stream of the stream of this address or, of the cameras that --address names, of this name, or of the
    /// first stream of the camera at this address; several may be given
    #[arg(long, value_name = "STREAM")]
    pub add: Vec<String>,
    /// Another name for the stream that is made
    #[arg(long = "as", value_name = "NAME", requires = "add")]
    pub new_name: Option<String>,
    /// Fetch it while nobody watches, too
    #[arg(long, requires = "add")]
    pub always: bool,
}
