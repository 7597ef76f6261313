package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// program is the binary under test with its own settings and, once it serves,
// its process.
type program struct {
	path, folder string
	env          []string
	addr         string
	process      *exec.Cmd
	ended        chan struct{}
	log          *os.File
}

// newProgram gives the program a free port, a folder without an .env file and
// the given settings only.
func newProgram(path, folder, name string, set map[string]string) (*program, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &program{path: full, folder: folder, addr: l.Addr().String()}
	if err := l.Close(); err != nil {
		return nil, err
	}
	set["ADDR"], set["PUBLIC_URL"] = p.addr, "http://"+p.addr
	for name, value := range set {
		p.env = append(p.env, name+"="+value)
	}
	p.env = append(p.env, "PATH="+os.Getenv("PATH"), "HOME="+folder)
	p.log, err = os.Create(filepath.Join(folder, name+".log"))
	return p, err
}

func (p *program) start(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, p.path, args...)
	c.Dir, c.Env, c.Stdout, c.Stderr = p.folder, p.env, p.log, p.log
	return c
}

// command runs one command to its end.
func (p *program) command(ctx context.Context, stdin string, args ...string) error {
	c := p.start(ctx, args...)
	c.Stdin = strings.NewReader(stdin)
	if err := c.Run(); err != nil {
		return fmt.Errorf("koodesk %s: %w\n%s", strings.Join(args, " "), err, p.tail())
	}
	return nil
}

// serve starts a long-running command and waits until path answers with 200.
func (p *program) serve(ctx context.Context, stdin, path string, args ...string) error {
	// Not bound to ctx, which would kill it: it is asked to stop.
	p.process = p.start(context.WithoutCancel(ctx), args...)
	p.process.Stdin = strings.NewReader(stdin)
	// Ctrl-C in the terminal reaches this process only.
	p.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.process.Start(); err != nil {
		p.process = nil
		return err
	}
	process, ended := p.process, make(chan struct{})
	p.ended = ended
	go func() {
		_ = process.Wait()
		close(ended)
	}()
	for until := time.Now().Add(time.Minute); time.Now().Before(until); {
		if err := errors.Join(ctx.Err(), p.alive()); err != nil {
			return fmt.Errorf("%w\n%s", err, p.tail())
		}
		if p.answers(path) {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("%s does not become ready within a minute\n%s", strings.Join(args, " "), p.tail())
}

func (p *program) answers(path string) bool {
	c := client{addr: p.addr}
	defer c.close()
	a, err := c.call([]byte("GET " + path + " HTTP/1.1\r\nHost: " + p.addr + "\r\n\r\n"))
	return err == nil && a.status < 500
}

func (p *program) alive() error {
	select {
	case <-p.ended:
		return errors.New("koodesk has ended")
	default:
		return nil
	}
}

func (p *program) close() error { return errors.Join(p.stop(), p.log.Close()) }

func (p *program) stop() error {
	if p.process == nil || p.alive() != nil {
		return nil
	}
	_ = p.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
		return nil
	case <-time.After(40 * time.Second):
		_ = p.process.Process.Kill()
		<-p.ended
		return errors.New("koodesk did not stop within 40 s and was killed")
	}
}

// tail is the end of what the program wrote.
func (p *program) tail() string {
	b, err := os.ReadFile(p.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(b[max(0, len(b)-2000):]))
}

// ticks per second of the times in /proc, the same on every Linux.
const ticks = 100

// cpu is the processor time that the process has used; 0 where /proc does not
// tell (macOS).
func (p *program) cpu() time.Duration {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(p.process.Process.Pid) + "/stat")
	if err != nil {
		return 0
	}
	// The second field is a name in brackets and may hold blanks.
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * time.Second / ticks
}
