# An echo server of Perl's POE. It prints its port, and ends with its first client.
use strict;
use warnings;
use POE qw(Wheel::SocketFactory Wheel::ReadWrite);
use Socket qw(unpack_sockaddr_in);

$| = 1;
POE::Session->create(inline_states => {
  _start => sub {
    $_[HEAP]{listener} = POE::Wheel::SocketFactory->new(
      BindAddress => "127.0.0.1", BindPort => 0, SuccessEvent => "connected", FailureEvent => "failed",
    );
    print +(unpack_sockaddr_in($_[HEAP]{listener}->getsockname))[0], "\n";
  },
  connected => sub {
    delete $_[HEAP]{listener};
    $_[HEAP]{wheel} = POE::Wheel::ReadWrite->new(
      Handle => $_[ARG0], InputEvent => "line", FlushedEvent => "flushed", ErrorEvent => "over",
    );
  },
  line => sub {
    $_[HEAP]{wheel}->put("POE got $_[ARG0]");
    $_[HEAP]{quits} = 1 if $_[ARG0] eq "quit";
  },
  flushed => sub { delete $_[HEAP]{wheel} if $_[HEAP]{quits} },
  over => sub { delete $_[HEAP]{wheel} },
  failed => sub { die "$_[ARG0]: $_[ARG2]\n" },
});
POE::Kernel->run;
