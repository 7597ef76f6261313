package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"koodesk/app/fault"
	"koodesk/app/store"
	"koodesk/app/web"
	"koodesk/migrations"
)

// drain is how long calls in hand may take after the stop signal.
const drain = 10 * time.Second

func serve(ctx context.Context, c *cli, args []string) error {
	f := c.flags("serve", "callbacks, console and API on ADDR")
	withJobs := f.Bool("jobs", false, "run the workers and the scheduler in this process too")
	if err := f.parse(args); err != nil {
		return err
	}
	return c.run(ctx, true, *withJobs)
}

func work(ctx context.Context, c *cli, args []string) error {
	if err := c.flags("work", "workers and scheduler, without the web part").parse(args); err != nil {
		return err
	}
	return c.run(ctx, false, true)
}

// run starts what is wanted and stops it in order when the context ends: first
// nothing new is taken, then what is in hand finishes.
func (c *cli) run(ctx context.Context, withWeb, withJobs bool) (err error) {
	p, err := c.build(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if err := migrated(ctx, p.store); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	if c.config.MetricsAddr != "" {
		p.metricsServer(ctx, g, c.config.MetricsAddr)
	}
	if withJobs {
		if err := p.jobs.Start(); err != nil {
			return err
		}
		defer p.jobs.Stop()
		p.log.Info("the workers run", "workers", c.config.Workers)
	}
	if withWeb {
		if err := p.store.Prepare(ctx); err != nil {
			return err
		}
		if err := p.webServer(ctx, g, c); err != nil {
			return err
		}
	}
	g.Go(func() error { <-ctx.Done(); return nil })
	return g.Wait()
}

// migrated refuses to run on a database that lacks what the program needs.
func migrated(ctx context.Context, s *store.Store) error {
	pending, err := migrations.Pending(ctx, s.SQL())
	if err != nil {
		return fault.Wrap(err, fault.Internal, "migrations.failed")
	}
	if pending {
		return fault.New(fault.Conflict, "migrations.pending")
	}
	return nil
}

func (p *parts) webServer(ctx context.Context, g *errgroup.Group, c *cli) error {
	l, err := net.Listen("tcp", c.config.Addr)
	if err != nil {
		return fault.Wrap(err, fault.Conflict, "listen.failed", "variable", "ADDR", "address", c.config.Addr)
	}
	o, err := p.webOptions(c)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	server := web.New(o)
	g.Go(func() error { return server.Serve(l) })
	g.Go(func() error {
		<-ctx.Done()
		return server.Shutdown(drain)
	})
	if c.listening != nil {
		c.listening(l.Addr())
	}
	p.log.Info("the web part listens", "address", l.Addr().String(), "public_url", c.config.PublicURL.String())
	return nil
}

// metricsServer is a convenience: a taken port is told and does not stop the
// program, since several processes of one machine share the default.
func (p *parts) metricsServer(ctx context.Context, g *errgroup.Group, addr string) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		p.log.Warn("metrics are not served; set METRICS_ADDR to a free address, or to off", "address", addr, "error", err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", p.metrics.Handler())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	g.Go(func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		return server.Close()
	})
}

// ready tells what the program lacks to do all of its work. Calls are taken
// without Redis too, so whoever balances the marketplace's calls should look at
// /healthz instead.
func (p *parts) ready(ctx context.Context) error {
	if err := p.store.Ping(ctx); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if err := migrated(ctx, p.store); err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if err := p.redis.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	return nil
}
