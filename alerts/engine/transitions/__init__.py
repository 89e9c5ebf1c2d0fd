"""What a finding changes on one ladder, and the record and the sentence that tell of it."""
