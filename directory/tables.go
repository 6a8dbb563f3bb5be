package directory

import "slices"

// table says how the rows of one HSDS file become rows of ours. Columns of HSDS 1.1 and 3.0 stand side by side: where
// the two versions differ, their names do.
type table struct {
	name   string
	files  []string // HSDS 3.0 first, then 1.1
	fields []field
	// principal rows are what others refer to: a second row with the same id is refused. Rows of other tables get an id
	// made from their content when theirs is missing or taken.
	principal bool
	owners    []string // columns of which one must resolve
	content   []string // columns of which one must hold something
	unkept    []string // HSDS columns we know and do not keep
	finish    func(*row)
}

type field struct {
	csv    string
	column string // the same as csv when empty
	read   reader
	to     string // for references: the table referred to
	must   bool
	french bool // the file may have a column csv_fr beside it
}

func (f field) target() string {
	if f.column != "" {
		return f.column
	}
	return f.csv
}

func line(csv string) field      { return field{csv: csv, read: readLine} }
func bilingual(csv string) field { return field{csv: csv, read: readLine, french: true} }
func prose(csv string) field     { return field{csv: csv, read: readProse, french: true} }
func web(csv string) field       { return field{csv: csv, read: readURL} }
func email(csv string) field     { return field{csv: csv, read: readEmail} }
func day(csv string) field       { return field{csv: csv, read: readDate} }
func number(csv string) field    { return field{csv: csv, read: readNumber} }
func name(csv string) field      { return field{csv: csv, read: readLine, must: true, french: true} }
func ref(csv, column, to string) field {
	return field{csv: csv, column: column, read: readReference, to: to}
}

// as gives a field of the file another name in the database.
func (f field) as(column string) field { f.column = column; return f }

var toService = ref("service_id", "service_id", "services")
var toLocation = ref("location_id", "location_id", "locations")
var toAgency = ref("organization_id", "agency_id", "agencies")
var toServiceAtLocation = ref("service_at_location_id", "service_at_location_id", "services_at_location")

// tables in the order in which they can refer to each other.
var tables = []table{
	{
		name: "taxonomies", files: []string{"taxonomies.csv"}, principal: true,
		fields: []field{name("name"), prose("description"), line("uri"), line("version")},
	},
	{
		name: "taxonomy_terms", files: []string{"taxonomy_terms.csv", "taxonomy.csv"}, principal: true,
		fields: []field{name("name"), prose("description"), line("code"), line("parent_id").as("parent_code"),
			line("taxonomy"), line("vocabulary").as("taxonomy"), line("taxonomy_facet").as("facet"), line("language"),
			line("term_uri"), ref("taxonomy_id", "", "taxonomies")},
		unkept: []string{"parent_name"}, finish: finishTerm,
	},
	{
		name: "agencies", files: []string{"organizations.csv", "organization.csv"}, principal: true,
		fields: []field{name("name"), bilingual("alternate_name"), prose("description"), email("email"), web("website"),
			web("url").as("website"), line("tax_status"), line("tax_id"), line("year_incorporated"), bilingual("legal_status"),
			line("uri"), {csv: "parent_organization_id", column: "parent_agency_id", read: readParent},
			{csv: "mail_language", read: readMailLanguage}, {csv: "time_zone", read: readZone}},
		unkept: []string{"logo"}, finish: finishAgency,
	},
	{
		name: "services", files: []string{"services.csv", "service.csv"}, principal: true,
		fields: []field{name("name"), bilingual("alternate_name"), prose("description"), web("url"), email("email"),
			{csv: "status", read: readStatus}, prose("interpretation_services"), prose("application_process"),
			prose("fees_description"), prose("fees").as("fees_description"), prose("wait_time"), prose("accreditations"),
			prose("eligibility_description"), prose("alert"), line("licenses"), number("minimum_age"),
			number("maximum_age"), day("assured_date"), {csv: "last_modified", read: readMoment},
			{csv: "needs", read: readNeeds}, {csv: "time_zone", read: readZone},
			{csv: "accepts_referrals", read: readYesNo}, day("full_until"), day("closed_until"), toAgency},
		unkept: []string{"program_id", "assurer_email"}, finish: finishService,
	},
	{
		name: "locations", files: []string{"locations.csv", "location.csv"}, principal: true,
		fields: []field{bilingual("name"), bilingual("alternate_name"), prose("description"), prose("transportation"),
			line("location_type"), web("url"), {csv: "latitude", read: readDegrees}, {csv: "longitude", read: readDegrees},
			line("external_identifier"), line("external_identifier_type"), toAgency},
		finish: finishLocation,
	},
	{
		name: "services_at_location", files: []string{"service_at_location.csv", "services_at_location.csv"}, principal: true,
		fields: []field{prose("description"), must(toService), must(toLocation)},
	},
	{
		name:  "addresses",
		files: []string{"addresses.csv", "physical_addresses.csv", "postal_addresses.csv"},
		fields: []field{line("attention"), line("address_1"), line("address_2"), line("city"), line("region"),
			line("state_province"), line("postal_code"), line("country"), {csv: "address_type", read: readAddressType}, toLocation},
		owners: []string{"location_id"}, content: []string{"address_1", "address_2", "city", "postal_code"},
		unkept: []string{"organization_id"}, finish: finishAddress,
	},
	{
		name: "contacts", files: []string{"contacts.csv", "contact.csv"},
		fields: []field{line("name"), bilingual("title"), bilingual("department"), email("email"), line("phone_number").as("phone"),
			{csv: "phone_areacode", column: "-areacode", read: readLine}, {csv: "phone_extension", column: "-extension", read: readLine},
			toAgency, toService, toServiceAtLocation, toLocation},
		owners:  []string{"agency_id", "service_id", "service_at_location_id", "location_id"},
		content: []string{"name", "title", "department", "email", "phone"}, finish: finishContact,
	},
	{
		name: "phones", files: []string{"phones.csv", "phone.csv"},
		fields: []field{line("number"), line("extension"), line("type"), line("language"), prose("description"), toAgency, toService,
			toServiceAtLocation, toLocation, ref("contact_id", "", "contacts")},
		owners:  []string{"agency_id", "service_id", "service_at_location_id", "location_id", "contact_id"},
		content: []string{"number"}, finish: finishPhone,
	},
	{
		name: "schedules", files: []string{"schedules.csv", "regular_schedules.csv", "regular_schedule.csv"},
		fields: []field{{csv: "weekday", column: "-weekday", read: readLine}, line("byday"), {csv: "opens_at", column: "-opens", read: readLine},
			{csv: "closes_at", column: "-closes", read: readLine}, prose("original_text"), prose("description"), prose("notes"),
			day("valid_from"), day("valid_to"), day("dtstart"), day("until"), line("timezone"), line("freq"), line("interval"),
			line("count"), line("wkst"), line("byweekno"), line("bymonthday"), line("byyearday"), web("schedule_link"),
			bilingual("attending_type"), toService, toServiceAtLocation, toLocation},
		owners: []string{"service_id", "service_at_location_id", "location_id"}, finish: finishSchedule,
	},
	{
		name: "languages", files: []string{"languages.csv", "language.csv"},
		fields: []field{bilingual("name"), bilingual("language").as("name"), line("code"), bilingual("note"), toService, toLocation,
			ref("phone_id", "", "phones")},
		owners: []string{"service_id", "location_id", "phone_id"}, content: []string{"name", "code", "note"},
	},
	{
		name: "eligibility", files: []string{"eligibility.csv", "eligibilities.csv"},
		fields: []field{prose("eligibility"), toService},
		owners: []string{"service_id"}, content: []string{"eligibility"},
	},
	{
		name: "service_areas", files: []string{"service_areas.csv", "service_area.csv"},
		fields: []field{bilingual("name"), bilingual("service_area").as("name"), prose("description"), line("extent"),
			line("extent_type"), line("uri"), toService},
		owners: []string{"service_id"}, content: []string{"name", "description", "extent"}, unkept: []string{"service_at_location_id"},
	},
	{
		name: "accessibility", files: []string{"accessibility.csv", "accessibility_for_disabilities.csv"},
		fields: []field{prose("description"), prose("accessibility").as("description"), prose("details"), web("url"), toLocation},
		owners: []string{"location_id"}, content: []string{"description", "details"},
	},
	{
		name: "cost_options", files: []string{"cost_options.csv", "cost_option.csv"},
		fields: []field{day("valid_from"), day("valid_to"), bilingual("option"), line("currency"), number("amount"),
			prose("amount_description"), toService},
		owners: []string{"service_id"}, content: []string{"option", "amount", "amount_description"},
	},
	{
		name: "required_documents", files: []string{"required_documents.csv", "required_document.csv"},
		fields: []field{prose("document"), line("uri"), toService},
		owners: []string{"service_id"}, content: []string{"document"},
	},
	{
		name: "service_terms", files: []string{"attributes.csv", "services_taxonomy.csv", "service_attributes.csv"},
		fields: []field{ref("link_id", "service_id", "services"), toService, ref("taxonomy_term_id", "term_id", "taxonomy_terms"),
			ref("taxonomy_id", "term_id", "taxonomy_terms"), line("value")},
		owners: []string{"service_id"}, unkept: []string{"link_type", "link_entity", "taxonomy_detail"}, finish: finishServiceTerm,
	},
}

func must(f field) field { f.must = true; return f }

// onlyIn11 are names of files that HSDS 3.0 does not have.
var onlyIn11 = []string{"regular_schedules.csv", "services_at_location.csv", "physical_addresses.csv", "postal_addresses.csv",
	"eligibility.csv", "services_taxonomy.csv", "taxonomy.csv", "accessibility_for_disabilities.csv"}

// only30 are names of files that HSDS 1.1 does not have.
var only30 = []string{"service_at_location.csv", "addresses.csv", "schedules.csv", "taxonomy_terms.csv", "taxonomies.csv",
	"attributes.csv", "cost_options.csv", "accessibility.csv"}

// kindOf tells the version of HSDS by the files that only one of the two has.
func kindOf(files []string) string {
	older, newer := 0, 0
	for _, f := range files {
		if slices.Contains(onlyIn11, f) {
			older++
		}
		if slices.Contains(only30, f) {
			newer++
		}
	}
	if older > newer {
		return "hsds-1.1"
	}
	return "hsds-3.0"
}
