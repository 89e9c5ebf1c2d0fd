"""What several readings say together: counted, averaged, and wherever a late one falls."""
