package staff

// CustomersErase is to erase one customer's personal data for good.
const CustomersErase Permission = "customers.erase"

// The acts that take personal data out, as the audit names them.
const (
	ActEraseCustomer = "customer.erased"      // on request
	ActErasePersonal = "personal_data.erased" // by rule, so long after the release
)
