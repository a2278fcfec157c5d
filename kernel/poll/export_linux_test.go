package poll

// NewCoarseEpoll opens epoll as on a kernel before 5.11, which has no epoll_pwait2.
func NewCoarseEpoll() (Poller, error) {
	p, err := newEpoll()
	if err == nil {
		p.(*epoll).precise = false
	}
	return p, err
}
