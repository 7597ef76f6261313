package provision_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/provision"
	"koodesk/app/provision/static"
	"koodesk/app/store"
)

func TestWishesForPasswordsThatCannotBe(t *testing.T) {
	t.Parallel()
	d := open(t)
	set := func(length int, classes ...string) string {
		t.Helper()
		_, err := d.p.SetProduct(context.Background(), "default", store.Product{ProductID: "*", Driver: static.Name, Settings: store.ProductSettings{
			FrontEndURL: "https://a.cn/", GeneratePassword: true, PasswordLength: length, PasswordClasses: classes}}, provision.KeepSecret, ann)
		if err == nil {
			return ""
		}
		require.True(t, fault.Is(err, fault.Invalid))
		return fault.From(err).Key
	}
	for _, n := range []int{-1, 1, 7, 65} {
		require.Equal(t, "product.bad_password_length", set(n), n)
	}
	require.Equal(t, "product.bad_password_class", set(8, "lower", "letters"))
	require.Equal(t, "product.bad_password_class", set(8, "lower", "lower"))
	require.Equal(t, "product.one_password_class", set(64, "digit"))
	for _, n := range []int{0, 8, 64} {
		require.Empty(t, set(n))
		require.Empty(t, set(n, "digit", "lower"))
	}
}
