// The program of ../README.md in Restate's SDK for Go.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sync"
	"time"

	restate "github.com/restatedev/sdk-go"
	"github.com/restatedev/sdk-go/server"
)

var (
	lock  sync.Mutex
	tries = map[string]int{}
)

func count(name string) int {
	lock.Lock()
	defer lock.Unlock()
	tries[name]++
	return tries[name]
}

// The folder with the ledger and the gates.
func folder() string { return os.Args[2] }

// Writes what a step did to the ledger, in one write to the system.
func note(what string) error {
	ledger, err := os.OpenFile(filepath.Join(folder(), "ledger"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer ledger.Close()
	_, err = ledger.WriteString(what + "\n")
	return err
}

// Waits until somebody makes the file.
func pass(gate string) {
	for {
		if _, err := os.Stat(filepath.Join(folder(), gate)); err == nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// A step that says in the ledger that it ran.
func noted(ctx restate.Context, name, step string) (string, error) {
	return restate.Run(ctx, func(restate.RunContext) (string, error) {
		return step, note(name + ":" + step)
	}, restate.WithName(step))
}

// A step that says so, and then waits until it may go on.
func gated(ctx restate.Context, name, step string) (string, error) {
	return restate.Run(ctx, func(restate.RunContext) (string, error) {
		if err := note(name + ":" + step); err != nil {
			return "", err
		}
		pass(name + "." + step)
		return step, nil
	}, restate.WithName(step))
}

type Sample struct{}

func (Sample) ServiceName() string { return "sample" }

func (Sample) Echo(ctx restate.Context, value string) (string, error) { return value, nil }

func (Sample) Steps(ctx restate.Context, name string) ([]string, error) {
	results := []string{}
	for _, step := range []string{"one", "two", "three"} {
		result, err := restate.Run(ctx, func(restate.RunContext) (string, error) {
			return fmt.Sprintf("%s:%d", step, count(name+step)), nil
		}, restate.WithName(step))
		if err != nil {
			return nil, err
		}
		results = append(results, result)
		if err := restate.Sleep(ctx, 5*time.Millisecond); err != nil {
			return nil, err
		}
	}
	return results, nil
}

func (Sample) Hopeless(ctx restate.Context, name string) (string, error) {
	_, err := restate.Run(ctx, func(restate.RunContext) (string, error) {
		return "", fmt.Errorf("try %d", count(name))
	}, restate.WithMaxRetryAttempts(3), restate.WithInitialRetryInterval(time.Millisecond))
	if err == nil {
		return "worked", nil
	}
	if !restate.IsTerminalError(err) {
		return "", err
	}
	return fmt.Sprintf("gave up after %d", tries[name]), nil
}

func (Sample) Retried(ctx restate.Context, name string) (int, error) {
	return restate.Run(ctx, func(restate.RunContext) (int, error) {
		if times := count(name); times == 3 {
			return times, nil
		}
		return 0, fmt.Errorf("not yet")
	}, restate.WithInitialRetryInterval(time.Millisecond))
}

func (Sample) Mistaken(ctx restate.Context) (string, error) {
	return restate.Run(ctx, func(restate.RunContext) (string, error) {
		return "", restate.ToTerminalError(fmt.Errorf("a mistake"), restate.WithErrorCode(422))
	})
}

func (Sample) Propagate(ctx restate.Context) error {
	_, err := restate.Service[restate.Void](ctx, "sample", "Terminal").Request(restate.Void{})
	return err
}

func (Sample) Eventually(ctx restate.Context, name string) (int, error) {
	if times := count(name); times == 4 {
		return times, nil
	}
	return 0, fmt.Errorf("not yet")
}

func (Sample) Headers(ctx restate.Context) (string, error) {
	return ctx.Request().Headers.Get("x-test"), nil
}

func (Sample) Nap(ctx restate.Context, ms int) (string, error) {
	return "slept", restate.Sleep(ctx, time.Duration(ms)*time.Millisecond)
}

func (Sample) Terminal(ctx restate.Context) error {
	return restate.ToTerminalError(fmt.Errorf("that was it"), restate.WithErrorCode(418))
}

func (Sample) Relay(ctx restate.Context, key string) ([]int, error) {
	results := []int{}
	client := restate.Object[int](ctx, "tally", key, "Add")
	for _, amount := range []int{1, 2, 0} {
		if amount == 0 {
			restate.ObjectSend(ctx, "tally", key, "Add").Send(3)
		}
		total, err := client.Request(amount)
		if err != nil {
			return nil, err
		}
		results = append(results, total)
	}
	return results, nil
}

func (Sample) Awake(ctx restate.Context) (string, error) {
	awakeable := restate.Awakeable[string](ctx)
	restate.ServiceSend(ctx, "sample", "Wake").Send(awakeable.Id())
	return awakeable.Result()
}

func (Sample) Wake(ctx restate.Context, id string) error {
	restate.ResolveAwakeable(ctx, id, "woken")
	return nil
}

func (Sample) Journey(ctx restate.Context, name string) ([]any, error) {
	first, err := noted(ctx, name, "first")
	if err != nil {
		return nil, err
	}
	slow, err := gated(ctx, name, "slow")
	if err != nil {
		return nil, err
	}
	if _, err := noted(ctx, name, "sleepy"); err != nil {
		return nil, err
	}
	if err := restate.Sleep(ctx, 2*time.Second); err != nil {
		return nil, err
	}
	awakeable := restate.Awakeable[string](ctx)
	if _, err := noted(ctx, name, "awaits "+awakeable.Id()); err != nil {
		return nil, err
	}
	woken, err := awakeable.Result()
	if err != nil {
		return nil, err
	}
	called, err := restate.Service[string](ctx, "sample", "Callee").Request(name)
	if err != nil {
		return nil, err
	}
	total, err := restate.Object[int](ctx, "tally", name, "Add").Request(1)
	if err != nil {
		return nil, err
	}
	last, err := noted(ctx, name, "last")
	return []any{first, slow, woken, called, total, last}, err
}

func (Sample) Callee(ctx restate.Context, name string) (string, error) {
	return gated(ctx, name, "callee")
}

func (Sample) Caller(ctx restate.Context, name string) (string, error) {
	result, err := restate.Service[string](ctx, "sample", "Waiter").Request(name)
	if restate.IsTerminalError(err) {
		if _, failed := noted(ctx, name, "caller cleaned up"); failed != nil {
			return "", failed
		}
	}
	return result, err
}

func (Sample) Waiter(ctx restate.Context, name string) (string, error) {
	awakeable := restate.Awakeable[string](ctx)
	// A cancel is heard at the first wait after it came, which may be that for the step.
	result, err := noted(ctx, name, "waits")
	if err == nil {
		result, err = awakeable.Result()
	}
	if restate.IsTerminalError(err) {
		if _, failed := noted(ctx, name, "waiter cleaned up"); failed != nil {
			return "", failed
		}
	}
	return result, err
}

type Tally struct{}

func (Tally) ServiceName() string { return "tally" }

func (Tally) Add(ctx restate.ObjectContext, amount int) (int, error) {
	total, err := restate.Get[int](ctx, "total")
	if err != nil {
		return 0, err
	}
	restate.Set(ctx, "total", total+amount)
	return total + amount, nil
}

func (Tally) Spoil(ctx restate.ObjectContext) error {
	restate.Set(ctx, "total", 7)
	return restate.ToTerminalError(fmt.Errorf("spoilt"), restate.WithErrorCode(422))
}

func (Tally) Clear(ctx restate.ObjectContext) ([]string, error) {
	keys, err := restate.Keys(ctx)
	restate.ClearAll(ctx)
	return keys, err
}

type Flow struct{}

func (Flow) ServiceName() string { return "flow" }

func (Flow) Run(ctx restate.WorkflowContext, start string) (string, error) {
	by, err := restate.Promise[string](ctx, "approval").Result()
	return start + " " + by, err
}

func (Flow) Approve(ctx restate.WorkflowSharedContext, by string) error {
	return restate.Promise[string](ctx, "approval").Resolve(by)
}

func main() {
	endpoint := server.NewRestate().
		Bind(restate.Reflect(Sample{})).
		Bind(restate.Reflect(Tally{})).
		Bind(restate.Reflect(Flow{}))
	if err := endpoint.Start(context.Background(), "127.0.0.1:"+os.Args[1]); err != nil {
		log.Fatal(err)
	}
}
