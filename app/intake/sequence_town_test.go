package intake_test

import (
	"context"
	"database/sql"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/marketapi"
	"koodesk/app/provision"
	"koodesk/app/provision/static"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// templated is the product whose driver calls nobody and holds nothing.
const templated = "P-templated"

// town is one database with a marketplace and a driver that do as they are told,
// for thousands of instances.
type town struct {
	store   *store.Store
	channel *store.Channel
	intake  *intake.Intake
	prov    *provision.Provisioner
	look    *sql.Stmt // of a sequence
	count   atomic.Int64
	orders  sync.Map // order id → bill
	lives   sync.Map // instanceId → *sequence
}

func (c *town) QueryOrder(_ context.Context, _ string, _ marketapi.Credentials, orderID, line string) (market.Order, []byte, error) {
	v, _ := c.orders.Load(orderID)
	s := v.(*sequence)
	if err := s.meanwhile(); err != nil {
		return market.Order{}, nil, err
	}
	b := s.model.bills[s.orderKey(orderID)]
	return market.Order{OrderID: orderID, Type: market.OrderNew, CreateTime: b.placed, Buyer: &market.Buyer{CustomerID: "c1"},
		Lines: []market.OrderLine{{OrderLineID: line, ChargingMode: b.mode, ExpireTime: b.expires,
			Products: []market.ProductInfo{{ProductID: b.product}}}}}, []byte("{}"), nil
}

func (c *town) UsageInfo(context.Context, *store.Tx, *store.Instance, *store.Product, int64) error {
	return nil
}
func (c *town) CheckSettings(store.ProductSettings, string) error { return nil }
func (c *town) CanChange(context.Context, provision.Request, []market.ProductInfo) error {
	return nil
}

func (c *town) Provision(_ context.Context, r provision.Request) (provision.Result, error) {
	v, _ := c.lives.Load(r.InstanceID)
	s := v.(*sequence)
	err := s.meanwhile()
	s.holds, s.asked = true, true // also when its answer is lost
	return provision.Result{Access: provision.Access{FrontEndURL: "https://e.cn/" + r.Product.ProductID}}, err
}

func (c *town) Change(ctx context.Context, r provision.Request) (provision.Result, error) {
	return c.Provision(ctx, r)
}

func (c *town) Release(_ context.Context, r provision.Request) error {
	v, _ := c.lives.Load(r.InstanceID)
	s := v.(*sequence)
	if err := s.meanwhile(); err != nil {
		return err
	}
	s.holds = false
	return nil
}

// everyChangeHasItsEntry makes the database refuse a change of an instance that
// leaves no entry of its kind in the history of the same transaction.
const everyChangeHasItsEntry = `
CREATE FUNCTION has_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    k text;
BEGIN
    FOREACH k IN ARRAY array_remove(ARRAY[
        CASE WHEN NEW.status <> OLD.status THEN 'status' END,
        CASE WHEN NEW.expires_at IS DISTINCT FROM OLD.expires_at THEN 'expiry' END,
        CASE WHEN (NEW.product_id, NEW.linear_value) IS DISTINCT FROM (OLD.product_id, OLD.linear_value) THEN 'product' END,
        CASE WHEN NEW.access_version <> OLD.access_version THEN 'access' END,
        CASE WHEN NEW.customer_id <> OLD.customer_id THEN 'customer' END,
        CASE WHEN NEW.frozen_by <> OLD.frozen_by THEN 'frozen_by' END,
        CASE WHEN NEW.driver <> OLD.driver THEN 'driver' END,
        CASE WHEN (NEW.order_type, NEW.charging_mode, NEW.period_type, NEW.order_sealed IS NULL)
                  IS DISTINCT FROM (OLD.order_type, OLD.charging_mode, OLD.period_type, OLD.order_sealed IS NULL) THEN 'order' END], NULL)
    LOOP
        IF NOT EXISTS (SELECT 1 FROM instance_events e
                        WHERE e.instance_pk = NEW.id AND e.kind = k AND e.xmin = pg_current_xact_id()::xid
                          AND (e.message_id IS NOT NULL OR e.task_id IS NOT NULL OR e.actor <> '')) THEN
            RAISE EXCEPTION 'instance % changed without a history entry of kind %', NEW.id, k;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER has_entry AFTER UPDATE ON instances DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION has_entry()`

func openTown(t *testing.T) *town {
	t.Helper()
	ctx := context.Background()
	s, err := store.Open(ctx, storetest.URL(t)+"&synchronous_commit=off", storetest.Keys(t), store.Options{MaxConns: 12})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.Prepare(ctx))
	storetest.Alter(t, s.SQL(), everyChangeHasItsEntry, `DROP FUNCTION has_entry() CASCADE`)
	look, err := s.SQL().Prepare(`
SELECT i.provisioned_at IS NOT NULL,
       ARRAY(SELECT t.id FROM tasks t WHERE t.instance_pk = i.id AND t.status = 'pending' AND t.parked_at IS NULL ORDER BY t.id),
       ARRAY(SELECT t.id FROM tasks t WHERE t.instance_pk = i.id AND t.status = 'failed' ORDER BY t.id),
       EXISTS (SELECT 1 FROM tasks t WHERE t.instance_pk = i.id AND t.status = 'pending' AND t.parked_at IS NOT NULL),
       i.product_id
  FROM instances i
 WHERE i.instance_id = $1`)
	require.NoError(t, err)
	c := &town{look: look, store: s, channel: storetest.Channel(t, s, "default", "https://market.test")}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	c.prov = provision.New(provision.Options{Store: s, Marketplace: c, Deliverer: c, Drivers: provision.Drivers{"town": c, static.Name: static.Driver{}}, Log: log})
	c.intake = intake.New(intake.Options{Store: s, Lifecycle: c.prov, Dialects: []intake.Dialect{dialect{}, dialectV1{}}, Wait: time.Nanosecond,
		PublicURL: "https://koodesk.example.com", Log: log, Wake: func() {}})
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.SetProduct(ctx, store.Product{ChannelID: c.channel.ID, ProductID: "*", Driver: "town", MailLanguage: "en"})
		if err != nil {
			return err
		}
		_, err = tx.SetProduct(ctx, store.Product{ChannelID: c.channel.ID, ProductID: templated, Driver: static.Name, MailLanguage: "en",
			Settings: store.ProductSettings{FrontEndURL: "https://e.cn/{product_id}"}})
		return err
	}))
	return c
}
