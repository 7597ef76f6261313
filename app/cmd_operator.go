package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"koodesk/app/signin"
	"koodesk/app/staff"
	"koodesk/app/store"
)

func operator(ctx context.Context, c *cli, args []string) error {
	return c.verb(ctx, "operator", args, map[string]command{"add": operatorAdd, "list": operatorList, "password": operatorPassword, "disable": operatorDisable})
}

// verb runs one of a command's verbs.
func (c *cli) verb(ctx context.Context, name string, args []string, verbs map[string]command) error {
	if len(args) > 0 {
		if do, ok := verbs[args[0]]; ok {
			return do(ctx, c, args[1:])
		}
	}
	list := ""
	for _, v := range slices.Sorted(maps.Keys(verbs)) {
		list += ", `" + name + " " + v + "`"
	}
	return c.bad(name, "say one of %s", list[2:])
}

func (c *cli) signin(s *store.Store) *signin.SignIn {
	return signin.New(signin.Options{Store: s, Cost: c.hashing})
}

func operatorAdd(ctx context.Context, c *cli, args []string) error {
	f := c.flags("operator add", "somebody who may log in")
	address := f.String("email", "", "the address to log in with")
	role := f.String("role", "", "viewer (looks), operator (restarts, resends, enters access data) or admin (also settings and audit)")
	fromStdin := f.Bool("password-stdin", false, "read the password from standard input; otherwise a one-time password is made and printed")
	if err := f.parse(args, "email", "role"); err != nil {
		return err
	}
	n := signin.NewOperator{Email: *address, Role: staff.Role(*role)}
	if *fromStdin {
		var err error
		if n.Password, err = c.secrets().read("password-stdin", "-"); err != nil {
			return err
		}
	}
	return c.with(ctx, func(s *store.Store) error {
		people := c.signin(s)
		added, err := people.AddOperator(ctx, n, staff.CLI())
		if err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "%s may log in as %s\n", added.Email, n.Role)
		if added.OneTime != "" {
			fmt.Fprintf(c.stdout, "one-time password: %s\n", added.OneTime)
		}
		return nil
	})
}

func operatorPassword(ctx context.Context, c *cli, args []string) error {
	f := c.flags("operator password", "a new password for an operator; ends their sessions")
	address := f.String("email", "", "the operator's address")
	fromStdin := f.Bool("password-stdin", false, "read the password from standard input; otherwise a one-time password is made and printed")
	if err := f.parse(args, "email"); err != nil {
		return err
	}
	password := ""
	if *fromStdin {
		var err error
		if password, err = c.secrets().read("password-stdin", "-"); err != nil {
			return err
		}
	}
	return c.with(ctx, func(s *store.Store) error {
		people := c.signin(s)
		if password != "" {
			if err := people.GivePassword(ctx, *address, password, staff.CLI()); err != nil {
				return err
			}
			fmt.Fprintf(c.stdout, "the password of %s is changed\n", *address)
			return nil
		}
		oneTime, err := people.ResetPassword(ctx, *address, staff.CLI())
		if err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "one-time password: %s\n", oneTime)
		return nil
	})
}

func operatorList(ctx context.Context, c *cli, args []string) error {
	if err := c.flags("operator list", "who may log in: address, role, state").parse(args); err != nil {
		return err
	}
	return c.with(ctx, func(s *store.Store) error {
		people, err := s.Reader().Operators(ctx)
		if err != nil {
			return err
		}
		for _, p := range people {
			state := "active"
			if p.Disabled {
				state = "disabled"
			}
			fmt.Fprintf(c.stdout, "%s\t%s\t%s\n", p.Email, p.Role, state)
		}
		return nil
	})
}

func tokens(ctx context.Context, c *cli, args []string) error {
	return c.verb(ctx, "token", args, map[string]command{"create": tokenCreate, "list": tokenList, "revoke": tokenRevoke})
}

func tokenCreate(ctx context.Context, c *cli, args []string) error {
	f := c.flags("token create", "an API token, printed once, alone on standard output")
	name := f.String("name", "", "what it is for, as the audit names it")
	role := f.String("role", "", "viewer, operator or admin")
	if err := f.parse(args, "name", "role"); err != nil {
		return err
	}
	return c.with(ctx, func(s *store.Store) error {
		people := c.signin(s)
		plain, err := people.CreateToken(ctx, *name, staff.Role(*role), staff.CLI())
		if err != nil {
			return err
		}
		fmt.Fprintln(c.stdout, plain)
		return nil
	})
}

func operatorDisable(ctx context.Context, c *cli, args []string) error {
	f := c.flags("operator disable", "somebody may not log in any more; ends their sessions")
	address := f.String("email", "", "the operator's address")
	if err := f.parse(args, "email"); err != nil {
		return err
	}
	return c.with(ctx, func(s *store.Store) error {
		people := c.signin(s)
		if err := people.Disable(ctx, *address, staff.CLI()); err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "%s may not log in any more\n", *address)
		return nil
	})
}

func tokenList(ctx context.Context, c *cli, args []string) error {
	if err := c.flags("token list", "the API tokens: number, name, role, last use").parse(args); err != nil {
		return err
	}
	return c.with(ctx, func(s *store.Store) error {
		all, err := s.Reader().Tokens(ctx)
		if err != nil {
			return err
		}
		for _, t := range all {
			used := "never used"
			switch {
			case !t.RevokedAt.IsZero():
				used = "revoked"
			case !t.LastUsedAt.IsZero():
				used = t.LastUsedAt.UTC().Format(time.RFC3339)
			}
			fmt.Fprintf(c.stdout, "%d\t%s\t%s\t%s\n", t.ID, t.Name, t.Role, used)
		}
		return nil
	})
}

func tokenRevoke(ctx context.Context, c *cli, args []string) error {
	f := c.flags("token revoke", "end an API token for good")
	id := f.Int64("id", 0, "its number, as token list shows it")
	if err := f.parse(args, "id"); err != nil {
		return err
	}
	return c.with(ctx, func(s *store.Store) error {
		people := c.signin(s)
		if err := people.RevokeToken(ctx, *id, staff.CLI()); err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "token %d is revoked\n", *id)
		return nil
	})
}
