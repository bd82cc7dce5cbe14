"""What every page shares: who looks at it, its layout, its addresses, tables, filters, forms and live parts."""
