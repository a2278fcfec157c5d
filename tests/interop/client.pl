# A client of Perl's POE: client.pl PORT LINE... It sends the lines, prints what comes back, and ends with the server.
use strict;
use warnings;
use POE qw(Wheel::SocketFactory Wheel::ReadWrite);

my ($port, @lines) = @ARGV;
POE::Session->create(inline_states => {
  _start => sub {
    $_[HEAP]{factory} = POE::Wheel::SocketFactory->new(
      RemoteAddress => "127.0.0.1", RemotePort => $port, SuccessEvent => "connected", FailureEvent => "failed",
    );
  },
  connected => sub {
    delete $_[HEAP]{factory};
    $_[HEAP]{wheel} = POE::Wheel::ReadWrite->new(Handle => $_[ARG0], InputEvent => "line", ErrorEvent => "over");
    $_[HEAP]{wheel}->put(@lines);
  },
  line => sub { print "$_[ARG0]\n" },
  over => sub {
    print $_[ARG1] == 0 ? "the end\n" : "$_[ARG0]: $_[ARG2]\n";
    delete $_[HEAP]{wheel};
  },
  failed => sub { die "$_[ARG0]: $_[ARG2]\n" },
});
POE::Kernel->run;
