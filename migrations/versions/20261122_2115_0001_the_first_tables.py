"""the first tables

Revision ID: 0001
Revises: 
Create Date: 2026-11-22 21:15:49.277964+00:00
"""

from alembic import op
from procrastinate.schema import SchemaManager
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _make_functions()
    op.create_table('cache_entries',
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('value', sa.JSON(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_cache_entries')),
    prefixes=['UNLOGGED']
    )
    op.create_index('ix_cache_entries_expires_at', 'cache_entries', ['expires_at'], unique=False)
    op.create_index('ix_cache_entries_name', 'cache_entries', ['name'], unique=False)
    op.create_table('job_marks',
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('done_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_job_marks'))
    )
    op.create_table('limit_counters',
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('hits', sa.Integer(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_limit_counters')),
    prefixes=['UNLOGGED']
    )
    op.create_index('ix_limit_counters_expires_at', 'limit_counters', ['expires_at'], unique=False)
    op.create_table('number_series',
    sa.Column('series', sa.Text(), nullable=False),
    sa.Column('last', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('last > 0', name=op.f('ck_number_series_last')),
    sa.PrimaryKeyConstraint('series', name=op.f('pk_number_series'))
    )
    op.create_table('rooms',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('capacity', sa.Integer(), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('capacity IS NULL OR capacity > 0', name=op.f('ck_rooms_capacity')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rooms')),
    sa.UniqueConstraint('name', name=op.f('uq_rooms_name'))
    )
    op.create_table('users',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('role', sa.Text(), nullable=False),
    sa.Column('first_name', sa.Text(), nullable=False),
    sa.Column('last_name', sa.Text(), nullable=False),
    sa.Column('email', postgresql.CITEXT(), nullable=True),
    sa.Column('phone', sa.Text(), nullable=True),
    sa.Column('student_number', sa.Text(), nullable=True),
    sa.Column('duties', sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('time_zone', sa.Text(), server_default='Africa/Accra', nullable=False),
    sa.Column('password_hash', sa.Text(), nullable=True),
    sa.Column('password_changed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('deactivated_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('search_text', sa.Text(), sa.Computed("fold(first_name || ' ' || last_name || ' ' || coalesce(email::text, '') || ' ' || coalesce(phone, '') || ' ' || coalesce(student_number, ''))", persisted=True), nullable=False),
    sa.Column('sort_key', sa.Text(), sa.Computed("fold(last_name || ' ' || first_name)", persisted=True), nullable=False),
    sa.CheckConstraint("duties <@ ARRAY['registrar', 'cashier', 'content', 'director', 'system']::text[]", name=op.f('ck_users_known_duties')),
    sa.CheckConstraint("phone ~ '^\\+[1-9][0-9]{6,14}$'", name=op.f('ck_users_phone_e164')),
    sa.CheckConstraint("role <> 'admin' OR duties <> '{}'", name=op.f('ck_users_admins_have_duties')),
    sa.CheckConstraint("role = 'admin' OR duties = '{}'", name=op.f('ck_users_duties_of_admins')),
    sa.CheckConstraint("role IN ('student', 'trainer', 'admin')", name=op.f('ck_users_role')),
    sa.CheckConstraint("student_number IS NULL OR role = 'student'", name=op.f('ck_users_number_of_students')),
    sa.CheckConstraint('num_nonnulls(email, phone) >= 1', name=op.f('ck_users_reachable')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_users')),
    sa.UniqueConstraint('email', name=op.f('uq_users_email')),
    sa.UniqueConstraint('phone', name=op.f('uq_users_phone')),
    sa.UniqueConstraint('student_number', name=op.f('uq_users_student_number'))
    )
    op.create_index('ix_users_search_text', 'users', ['search_text'], unique=False, postgresql_using='gin', postgresql_ops={'search_text': 'gin_trgm_ops'})
    op.create_index('ix_users_sort_key_id', 'users', ['sort_key', 'id'], unique=False)
    op.create_table('audit_entries',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor_id', sa.Uuid(), nullable=True),
    sa.Column('actor', sa.Text(), nullable=False),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('subject_type', sa.Text(), nullable=False),
    sa.Column('subject_id', sa.Text(), nullable=False),
    sa.Column('for_user_id', sa.Uuid(), nullable=True),
    sa.Column('fields', postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('digest', sa.Text(), server_default='', nullable=False),
    sa.Column('address', postgresql.INET(), nullable=True),
    sa.Column('request_id', sa.Text(), server_default='', nullable=False),
    sa.ForeignKeyConstraint(['actor_id'], ['users.id'], name=op.f('fk_audit_entries_actor_id')),
    sa.ForeignKeyConstraint(['for_user_id'], ['users.id'], name=op.f('fk_audit_entries_for_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_entries'))
    )
    op.create_index('ix_audit_entries_action_at', 'audit_entries', ['action', 'at'], unique=False)
    op.create_index(op.f('ix_audit_entries_actor_id'), 'audit_entries', ['actor_id'], unique=False)
    op.create_index('ix_audit_entries_at_id', 'audit_entries', ['at', 'id'], unique=False)
    op.create_index(op.f('ix_audit_entries_for_user_id'), 'audit_entries', ['for_user_id'], unique=False)
    op.create_index('ix_audit_entries_subject', 'audit_entries', ['subject_type', 'subject_id'], unique=False)
    op.create_table('courses',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('slug', sa.Text(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('summary', sa.Text(), server_default='', nullable=False),
    sa.Column('description', sa.Text(), server_default='', nullable=False),
    sa.Column('category', sa.Text(), nullable=False),
    sa.Column('level', sa.Text(), nullable=False),
    sa.Column('weeks', sa.Integer(), nullable=False),
    sa.Column('price_pesewas', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.Text(), server_default='GHS', nullable=False),
    sa.Column('outcomes', postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('syllabus', postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('state', sa.Text(), server_default='draft', nullable=False),
    sa.Column('drafted_by', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('search_text', sa.Text(), sa.Computed("fold(title || ' ' || summary || ' ' || category)", persisted=True), nullable=False),
    sa.Column('sort_key', sa.Text(), sa.Computed('fold(title)', persisted=True), nullable=False),
    sa.CheckConstraint("currency = 'GHS'", name=op.f('ck_courses_currency')),
    sa.CheckConstraint("level IN ('beginner', 'intermediate', 'advanced')", name=op.f('ck_courses_level')),
    sa.CheckConstraint("state IN ('draft', 'published', 'archived')", name=op.f('ck_courses_state')),
    sa.CheckConstraint('price_pesewas >= 0', name=op.f('ck_courses_price')),
    sa.CheckConstraint('weeks BETWEEN 1 AND 208', name=op.f('ck_courses_weeks')),
    sa.ForeignKeyConstraint(['drafted_by'], ['users.id'], name=op.f('fk_courses_drafted_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_courses')),
    sa.UniqueConstraint('slug', name=op.f('uq_courses_slug'))
    )
    op.create_index(op.f('ix_courses_drafted_by'), 'courses', ['drafted_by'], unique=False)
    op.create_index('ix_courses_search_text', 'courses', ['search_text'], unique=False, postgresql_using='gin', postgresql_ops={'search_text': 'gin_trgm_ops'})
    op.create_index('ix_courses_state_sort_key_id', 'courses', ['state', 'sort_key', 'id'], unique=False)
    op.create_table('devices',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('token_hash', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_devices_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_devices'))
    )
    op.create_index(op.f('ix_devices_user_id'), 'devices', ['user_id'], unique=False)
    op.create_index('uq_devices_token_hash_user_id', 'devices', ['token_hash', 'user_id'], unique=True)
    op.create_table('files',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('owner_id', sa.Uuid(), nullable=False),
    sa.Column('purpose', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.Column('storage_key', sa.Text(), nullable=False),
    sa.Column('stored_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('attached_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("purpose IN ('submission', 'material', 'brief')", name=op.f('ck_files_purpose')),
    sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f('ck_files_sha256')),
    sa.CheckConstraint("state IN ('receiving', 'stored', 'attached', 'deleted')", name=op.f('ck_files_state')),
    sa.CheckConstraint('size >= 0', name=op.f('ck_files_size')),
    sa.ForeignKeyConstraint(['owner_id'], ['users.id'], name=op.f('fk_files_owner_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_files')),
    sa.UniqueConstraint('storage_key', name=op.f('uq_files_storage_key'))
    )
    op.create_index(op.f('ix_files_owner_id'), 'files', ['owner_id'], unique=False)
    op.create_index('ix_files_unattached', 'files', ['stored_at'], unique=False, postgresql_where=sa.text("state IN ('receiving', 'stored')"))
    op.create_table('idempotent_requests',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=True),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('fingerprint', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('body', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('location', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_idempotent_requests_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idempotent_requests'))
    )
    op.create_index('ix_idempotent_requests_created_at', 'idempotent_requests', ['created_at'], unique=False)
    op.create_index(op.f('ix_idempotent_requests_user_id'), 'idempotent_requests', ['user_id'], unique=False)
    op.create_index('uq_idempotent_requests_user_id_key', 'idempotent_requests', ['user_id', 'key'], unique=True, postgresql_nulls_not_distinct=True)
    op.create_table('notifications',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('data', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('read_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('mailed_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("kind IN ('invitation', 'password-reset', 'password-changed', 'enrolled', 'enrolment-ended', 'material-released', 'assignment-published', 'submission-received', 'mark-released', 'class-scheduled', 'class-moved', 'class-cancelled')", name=op.f('ck_notifications_kind')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_notifications_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notifications')),
    sa.UniqueConstraint('user_id', 'key', name=op.f('uq_notifications_user_id_key'))
    )
    op.create_index('ix_notifications_unread', 'notifications', ['user_id'], unique=False, postgresql_where=sa.text('read_at IS NULL'))
    op.create_index('ix_notifications_user_id_created_at_id', 'notifications', ['user_id', 'created_at', 'id'], unique=False)
    op.create_table('refresh_tokens',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('family_id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('token_hash', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('successor_id', sa.Uuid(), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_because', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['successor_id'], ['refresh_tokens.id'], name=op.f('fk_refresh_tokens_successor_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_refresh_tokens_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_refresh_tokens')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_refresh_tokens_token_hash'))
    )
    op.create_index(op.f('ix_refresh_tokens_family_id'), 'refresh_tokens', ['family_id'], unique=False)
    op.create_index(op.f('ix_refresh_tokens_successor_id'), 'refresh_tokens', ['successor_id'], unique=False)
    op.create_index(op.f('ix_refresh_tokens_user_id'), 'refresh_tokens', ['user_id'], unique=False)
    op.create_table('security_events',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=True),
    sa.Column('address', postgresql.INET(), nullable=True),
    sa.Column('user_agent', sa.Text(), server_default='', nullable=False),
    sa.Column('request_id', sa.Text(), server_default='', nullable=False),
    sa.Column('details', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_security_events_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_security_events'))
    )
    op.create_index('ix_security_events_at_id', 'security_events', ['at', 'id'], unique=False)
    op.create_index('ix_security_events_kind_at', 'security_events', ['kind', 'at'], unique=False)
    op.create_index(op.f('ix_security_events_user_id'), 'security_events', ['user_id'], unique=False)
    op.create_table('sign_in_throttles',
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('failed_at', postgresql.ARRAY(sa.DateTime(timezone=True)), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('waits', sa.Integer(), server_default='0', nullable=False),
    sa.Column('blocked_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('user_id', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_sign_in_throttles_user_id')),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_sign_in_throttles'))
    )
    op.create_index(op.f('ix_sign_in_throttles_user_id'), 'sign_in_throttles', ['user_id'], unique=False)
    op.create_table('single_use_tokens',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('purpose', sa.Text(), nullable=False),
    sa.Column('token_hash', sa.Text(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('issued_by', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('voided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('new_value', sa.Text(), nullable=True),
    sa.CheckConstraint("purpose IN ('invitation', 'reset', 'verification', 'change-email', 'change-phone')", name=op.f('ck_single_use_tokens_purpose')),
    sa.ForeignKeyConstraint(['issued_by'], ['users.id'], name=op.f('fk_single_use_tokens_issued_by')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_single_use_tokens_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_single_use_tokens')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_single_use_tokens_token_hash'))
    )
    op.create_index(op.f('ix_single_use_tokens_issued_by'), 'single_use_tokens', ['issued_by'], unique=False)
    op.create_index(op.f('ix_single_use_tokens_user_id'), 'single_use_tokens', ['user_id'], unique=False)
    op.create_table('audit_details',
    sa.Column('entry_id', sa.Uuid(), nullable=False),
    sa.Column('salt', sa.Text(), nullable=False),
    sa.Column('before', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('after', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.ForeignKeyConstraint(['entry_id'], ['audit_entries.id'], name=op.f('fk_audit_details_entry_id')),
    sa.PrimaryKeyConstraint('entry_id', name=op.f('pk_audit_details'))
    )
    op.create_table('audit_seals',
    sa.Column('position', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('entry_id', sa.Uuid(), nullable=False),
    sa.Column('row_hash', sa.Text(), nullable=False),
    sa.Column('previous_seal', sa.Text(), nullable=False),
    sa.Column('seal', sa.Text(), nullable=False),
    sa.Column('sealed_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['entry_id'], ['audit_entries.id'], name=op.f('fk_audit_seals_entry_id')),
    sa.PrimaryKeyConstraint('position', name=op.f('pk_audit_seals')),
    sa.UniqueConstraint('entry_id', name=op.f('uq_audit_seals_entry_id'))
    )
    op.create_table('intakes',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('course_id', sa.Uuid(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('starts_on', sa.Date(), nullable=False),
    sa.Column('ends_on', sa.Date(), nullable=False),
    sa.Column('application_deadline', sa.Date(), nullable=False),
    sa.Column('seats', sa.Integer(), nullable=False),
    sa.Column('seats_taken', sa.Integer(), server_default='0', nullable=False),
    sa.Column('price_pesewas', sa.BigInteger(), nullable=False),
    sa.Column('application_fee_pesewas', sa.BigInteger(), server_default='10000', nullable=False),
    sa.Column('currency', sa.Text(), server_default='GHS', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('search_text', sa.Text(), sa.Computed('fold(title)', persisted=True), nullable=False),
    sa.CheckConstraint("currency = 'GHS'", name=op.f('ck_intakes_currency')),
    sa.CheckConstraint('application_deadline <= ends_on', name=op.f('ck_intakes_deadline')),
    sa.CheckConstraint('ends_on > starts_on', name=op.f('ck_intakes_dates')),
    sa.CheckConstraint('price_pesewas >= 0 AND application_fee_pesewas >= 0', name=op.f('ck_intakes_price')),
    sa.CheckConstraint('seats > 0', name=op.f('ck_intakes_seats')),
    sa.CheckConstraint('seats_taken BETWEEN 0 AND seats', name=op.f('ck_intakes_seats_taken')),
    sa.ForeignKeyConstraint(['course_id'], ['courses.id'], name=op.f('fk_intakes_course_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_intakes')),
    sa.UniqueConstraint('course_id', 'title', name=op.f('uq_intakes_course_id_title')),
    sa.UniqueConstraint('id', 'course_id', name=op.f('uq_intakes_id_course_id'))
    )
    op.create_index(op.f('ix_intakes_course_id'), 'intakes', ['course_id'], unique=False)
    op.create_index('ix_intakes_search_text', 'intakes', ['search_text'], unique=False, postgresql_using='gin', postgresql_ops={'search_text': 'gin_trgm_ops'})
    op.create_index('ix_intakes_starts_on_id', 'intakes', ['starts_on', 'id'], unique=False)
    op.create_table('modules',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('course_id', sa.Uuid(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['course_id'], ['courses.id'], name=op.f('fk_modules_course_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_modules')),
    sa.UniqueConstraint('course_id', 'position', deferrable=True, initially='DEFERRED', name=op.f('uq_modules_course_id_position')),
    sa.UniqueConstraint('id', 'course_id', name=op.f('uq_modules_id_course_id'))
    )
    op.create_table('sessions',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('token_hash', sa.Text(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('level', sa.Text(), server_default='full', nullable=False),
    sa.Column('pending_step', sa.Text(), nullable=True),
    sa.Column('csrf_token', sa.Text(), nullable=False),
    sa.Column('shared_computer', sa.Boolean(), nullable=False),
    sa.Column('idle_minutes', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('authenticated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('reauthenticated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_because', sa.Text(), nullable=True),
    sa.Column('device_id', sa.Uuid(), nullable=True),
    sa.Column('address', postgresql.INET(), nullable=True),
    sa.Column('user_agent', sa.Text(), server_default='', nullable=False),
    sa.CheckConstraint("(level = 'pending') = (pending_step IS NOT NULL)", name=op.f('ck_sessions_pending_step')),
    sa.CheckConstraint("level IN ('full', 'pending')", name=op.f('ck_sessions_level')),
    sa.ForeignKeyConstraint(['device_id'], ['devices.id'], name=op.f('fk_sessions_device_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_sessions_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sessions')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_sessions_token_hash'))
    )
    op.create_index(op.f('ix_sessions_device_id'), 'sessions', ['device_id'], unique=False)
    op.create_index(op.f('ix_sessions_user_id'), 'sessions', ['user_id'], unique=False)
    op.create_table('assignments',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('intake_id', sa.Uuid(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('assignment_type', sa.Text(), nullable=False),
    sa.Column('instructions', sa.Text(), server_default='', nullable=False),
    sa.Column('points', sa.Integer(), nullable=False),
    sa.Column('weight', sa.Integer(), server_default='1', nullable=False),
    sa.Column('opens_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('cut_off_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('accepted_kinds', postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('max_files', sa.Integer(), server_default='10', nullable=False),
    sa.Column('attempts_allowed', sa.Integer(), nullable=True),
    sa.Column('counted_attempt', sa.Text(), server_default='latest', nullable=False),
    sa.Column('state', sa.Text(), server_default='draft', nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("assignment_type IN ('homework', 'project', 'quiz', 'exam')", name=op.f('ck_assignments_assignment_type')),
    sa.CheckConstraint("counted_attempt IN ('latest', 'best')", name=op.f('ck_assignments_counted_attempt')),
    sa.CheckConstraint("state IN ('draft', 'published', 'archived')", name=op.f('ck_assignments_state')),
    sa.CheckConstraint('attempts_allowed IS NULL OR attempts_allowed > 0', name=op.f('ck_assignments_attempts_allowed')),
    sa.CheckConstraint('cut_off_at IS NULL OR cut_off_at >= due_at', name=op.f('ck_assignments_cut_off_after_due')),
    sa.CheckConstraint('max_files BETWEEN 0 AND 50', name=op.f('ck_assignments_max_files')),
    sa.CheckConstraint('opens_at IS NULL OR opens_at < due_at', name=op.f('ck_assignments_opens_before_due')),
    sa.CheckConstraint('points BETWEEN 1 AND 1000', name=op.f('ck_assignments_points')),
    sa.CheckConstraint('weight BETWEEN 0 AND 100', name=op.f('ck_assignments_weight')),
    sa.ForeignKeyConstraint(['created_by'], ['users.id'], name=op.f('fk_assignments_created_by')),
    sa.ForeignKeyConstraint(['intake_id'], ['intakes.id'], name=op.f('fk_assignments_intake_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_assignments'))
    )
    op.create_index(op.f('ix_assignments_created_by'), 'assignments', ['created_by'], unique=False)
    op.create_index('ix_assignments_intake_id_due_at_id', 'assignments', ['intake_id', 'due_at', 'id'], unique=False)
    op.create_table('enrolments',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('intake_id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.Text(), server_default='active', nullable=False),
    sa.Column('access_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('enrolled_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('enrolled_by', sa.Uuid(), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reason', sa.Text(), server_default='', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("(state IN ('active', 'suspended')) = (ended_at IS NULL)", name=op.f('ck_enrolments_ended')),
    sa.CheckConstraint("state IN ('active', 'suspended', 'withdrawn', 'completed', 'deferred')", name=op.f('ck_enrolments_state')),
    sa.ForeignKeyConstraint(['enrolled_by'], ['users.id'], name=op.f('fk_enrolments_enrolled_by')),
    sa.ForeignKeyConstraint(['intake_id'], ['intakes.id'], name=op.f('fk_enrolments_intake_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_enrolments_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_enrolments'))
    )
    op.create_index(op.f('ix_enrolments_enrolled_by'), 'enrolments', ['enrolled_by'], unique=False)
    op.create_index(op.f('ix_enrolments_intake_id'), 'enrolments', ['intake_id'], unique=False)
    op.create_index(op.f('ix_enrolments_user_id'), 'enrolments', ['user_id'], unique=False)
    op.create_index('uq_enrolments_intake_id_user_id_current', 'enrolments', ['intake_id', 'user_id'], unique=True, postgresql_where=sa.text("state IN ('active', 'suspended', 'completed')"))
    op.create_table('intake_trainers',
    sa.Column('intake_id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['intake_id'], ['intakes.id'], name=op.f('fk_intake_trainers_intake_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_intake_trainers_user_id')),
    sa.PrimaryKeyConstraint('intake_id', 'user_id', name=op.f('pk_intake_trainers'))
    )
    op.create_index(op.f('ix_intake_trainers_user_id'), 'intake_trainers', ['user_id'], unique=False)
    op.create_table('live_classes',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('intake_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Text(), server_default='class', nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), server_default='', nullable=False),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('trainer_id', sa.Uuid(), nullable=False),
    sa.Column('room_id', sa.Uuid(), nullable=True),
    sa.Column('meeting_url', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), server_default='scheduled', nullable=False),
    sa.Column('cancelled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reason', sa.Text(), server_default='', nullable=False),
    sa.Column('sequence', sa.Integer(), server_default='0', nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    postgresql.ExcludeConstraint((sa.column('intake_id'), '='), (sa.text('tstzrange(starts_at, ends_at)'), '&&'), where=sa.text("state <> 'cancelled' AND kind = 'class'"), using='gist', name='ex_live_classes_intake'),
    postgresql.ExcludeConstraint((sa.column('room_id'), '='), (sa.text('tstzrange(starts_at, ends_at)'), '&&'), where=sa.text("state <> 'cancelled'"), using='gist', name='ex_live_classes_room'),
    postgresql.ExcludeConstraint((sa.column('trainer_id'), '='), (sa.text('tstzrange(starts_at, ends_at)'), '&&'), where=sa.text("state <> 'cancelled'"), using='gist', name='ex_live_classes_trainer'),
    sa.CheckConstraint("(state = 'cancelled') = (cancelled_at IS NOT NULL)", name=op.f('ck_live_classes_cancelled')),
    sa.CheckConstraint("ends_at > starts_at AND ends_at <= starts_at + interval '8 hours'", name=op.f('ck_live_classes_duration')),
    sa.CheckConstraint("kind IN ('class', 'catch_up')", name=op.f('ck_live_classes_kind')),
    sa.CheckConstraint("state IN ('scheduled', 'live', 'ended', 'cancelled')", name=op.f('ck_live_classes_state')),
    sa.CheckConstraint('room_id IS NOT NULL OR meeting_url IS NOT NULL', name=op.f('ck_live_classes_place')),
    sa.ForeignKeyConstraint(['created_by'], ['users.id'], name=op.f('fk_live_classes_created_by')),
    sa.ForeignKeyConstraint(['intake_id'], ['intakes.id'], name=op.f('fk_live_classes_intake_id')),
    sa.ForeignKeyConstraint(['room_id'], ['rooms.id'], name=op.f('fk_live_classes_room_id')),
    sa.ForeignKeyConstraint(['trainer_id'], ['users.id'], name=op.f('fk_live_classes_trainer_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_live_classes'))
    )
    op.create_index(op.f('ix_live_classes_created_by'), 'live_classes', ['created_by'], unique=False)
    op.create_index('ix_live_classes_intake_id_starts_at', 'live_classes', ['intake_id', 'starts_at'], unique=False)
    op.create_index(op.f('ix_live_classes_room_id'), 'live_classes', ['room_id'], unique=False)
    op.create_index('ix_live_classes_starts_at_id', 'live_classes', ['starts_at', 'id'], unique=False)
    op.create_index(op.f('ix_live_classes_trainer_id'), 'live_classes', ['trainer_id'], unique=False)
    op.create_table('materials',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('intake_id', sa.Uuid(), nullable=False),
    sa.Column('module_id', sa.Uuid(), nullable=False),
    sa.Column('course_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('body', sa.Text(), server_default='', nullable=False),
    sa.Column('url', sa.Text(), nullable=True),
    sa.Column('file_id', sa.Uuid(), nullable=True),
    sa.Column('position', sa.Integer(), server_default='0', nullable=False),
    sa.Column('released_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_by', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(kind = 'file') = (file_id IS NOT NULL)", name=op.f('ck_materials_file_has_file')),
    sa.CheckConstraint("(kind = 'link') = (url IS NOT NULL)", name=op.f('ck_materials_link_has_url')),
    sa.CheckConstraint("kind IN ('text', 'link', 'file')", name=op.f('ck_materials_kind')),
    sa.ForeignKeyConstraint(['created_by'], ['users.id'], name=op.f('fk_materials_created_by')),
    sa.ForeignKeyConstraint(['file_id'], ['files.id'], name=op.f('fk_materials_file_id')),
    sa.ForeignKeyConstraint(['intake_id', 'course_id'], ['intakes.id', 'intakes.course_id'], name='fk_materials_intake'),
    sa.ForeignKeyConstraint(['module_id', 'course_id'], ['modules.id', 'modules.course_id'], name='fk_materials_module'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_materials')),
    sa.UniqueConstraint('file_id', name=op.f('uq_materials_file_id'))
    )
    op.create_index(op.f('ix_materials_created_by'), 'materials', ['created_by'], unique=False)
    op.create_index('ix_materials_intake_id_module_id_position', 'materials', ['intake_id', 'module_id', 'position'], unique=False)
    op.create_index(op.f('ix_materials_module_id'), 'materials', ['module_id'], unique=False)
    op.create_table('seats',
    sa.Column('intake_id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('taken_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['intake_id'], ['intakes.id'], name=op.f('fk_seats_intake_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_seats_user_id')),
    sa.PrimaryKeyConstraint('intake_id', 'user_id', name=op.f('pk_seats'))
    )
    op.create_index(op.f('ix_seats_user_id'), 'seats', ['user_id'], unique=False)
    op.create_table('submissions',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('assignment_id', sa.Uuid(), nullable=False),
    sa.Column('enrolment_id', sa.Uuid(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('state', sa.Text(), server_default='draft', nullable=False),
    sa.Column('text', sa.Text(), server_default='', nullable=False),
    sa.Column('number', sa.Text(), nullable=True),
    sa.Column('code', sa.Text(), nullable=True),
    sa.Column('begun_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('submitted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('submitted_by', sa.Uuid(), nullable=True),
    sa.Column('late', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('key', sa.Text(), nullable=True),
    sa.CheckConstraint("(state = 'draft') = (submitted_at IS NULL) AND (submitted_at IS NULL) = (number IS NULL) AND (number IS NULL) = (code IS NULL)", name=op.f('ck_submissions_receipt')),
    sa.CheckConstraint("state IN ('draft', 'submitted', 'graded', 'returned', 'withdrawn')", name=op.f('ck_submissions_state')),
    sa.CheckConstraint('attempt > 0', name=op.f('ck_submissions_attempt')),
    sa.ForeignKeyConstraint(['assignment_id'], ['assignments.id'], name=op.f('fk_submissions_assignment_id')),
    sa.ForeignKeyConstraint(['enrolment_id'], ['enrolments.id'], name=op.f('fk_submissions_enrolment_id')),
    sa.ForeignKeyConstraint(['submitted_by'], ['users.id'], name=op.f('fk_submissions_submitted_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_submissions')),
    sa.UniqueConstraint('assignment_id', 'enrolment_id', 'attempt', name=op.f('uq_submissions_assignment_id_enrolment_id_attempt')),
    sa.UniqueConstraint('enrolment_id', 'key', name=op.f('uq_submissions_enrolment_id_key')),
    sa.UniqueConstraint('number', name=op.f('uq_submissions_number'))
    )
    op.create_index(op.f('ix_submissions_enrolment_id'), 'submissions', ['enrolment_id'], unique=False)
    op.create_index('ix_submissions_queue', 'submissions', ['assignment_id', 'state', 'submitted_at', 'id'], unique=False)
    op.create_index(op.f('ix_submissions_submitted_by'), 'submissions', ['submitted_by'], unique=False)
    op.create_index('uq_submissions_draft', 'submissions', ['assignment_id', 'enrolment_id'], unique=True, postgresql_where=sa.text("state = 'draft'"))
    op.create_table('grades',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('submission_id', sa.Uuid(), nullable=False),
    sa.Column('enrolment_id', sa.Uuid(), nullable=False),
    sa.Column('raw_points', sa.Numeric(precision=7, scale=2), nullable=False),
    sa.Column('penalty_points', sa.Numeric(precision=7, scale=2), server_default='0', nullable=False),
    sa.Column('penalty_reason', sa.Text(), server_default='', nullable=False),
    sa.Column('final_points', sa.Numeric(precision=7, scale=2), nullable=False),
    sa.Column('feedback', sa.Text(), server_default='', nullable=False),
    sa.Column('graded_by', sa.Uuid(), nullable=False),
    sa.Column('graded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('released_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('final_points = greatest(raw_points - penalty_points, 0)', name=op.f('ck_grades_final_points')),
    sa.CheckConstraint('raw_points >= 0 AND penalty_points >= 0', name=op.f('ck_grades_points')),
    sa.ForeignKeyConstraint(['enrolment_id'], ['enrolments.id'], name=op.f('fk_grades_enrolment_id')),
    sa.ForeignKeyConstraint(['graded_by'], ['users.id'], name=op.f('fk_grades_graded_by')),
    sa.ForeignKeyConstraint(['submission_id'], ['submissions.id'], name=op.f('fk_grades_submission_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_grades'))
    )
    op.create_index(op.f('ix_grades_enrolment_id'), 'grades', ['enrolment_id'], unique=False)
    op.create_index(op.f('ix_grades_graded_by'), 'grades', ['graded_by'], unique=False)
    op.create_index('ix_grades_submission_id_enrolment_id_graded_at', 'grades', ['submission_id', 'enrolment_id', 'graded_at'], unique=False)
    op.create_table('marking_drafts',
    sa.Column('submission_id', sa.Uuid(), nullable=False),
    sa.Column('trainer_id', sa.Uuid(), nullable=False),
    sa.Column('points', sa.Text(), server_default='', nullable=False),
    sa.Column('feedback', sa.Text(), server_default='', nullable=False),
    sa.Column('saved_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['submission_id'], ['submissions.id'], name=op.f('fk_marking_drafts_submission_id')),
    sa.ForeignKeyConstraint(['trainer_id'], ['users.id'], name=op.f('fk_marking_drafts_trainer_id')),
    sa.PrimaryKeyConstraint('submission_id', 'trainer_id', name=op.f('pk_marking_drafts'))
    )
    op.create_index(op.f('ix_marking_drafts_trainer_id'), 'marking_drafts', ['trainer_id'], unique=False)
    op.create_table('submission_files',
    sa.Column('submission_id', sa.Uuid(), nullable=False),
    sa.Column('file_id', sa.Uuid(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['file_id'], ['files.id'], name=op.f('fk_submission_files_file_id')),
    sa.ForeignKeyConstraint(['submission_id'], ['submissions.id'], name=op.f('fk_submission_files_submission_id')),
    sa.PrimaryKeyConstraint('submission_id', 'file_id', name=op.f('pk_submission_files')),
    sa.UniqueConstraint('file_id', name=op.f('uq_submission_files_file_id'))
    )
    op.create_table('submission_links',
    sa.Column('submission_id', sa.Uuid(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['submission_id'], ['submissions.id'], name=op.f('fk_submission_links_submission_id')),
    sa.PrimaryKeyConstraint('submission_id', 'position', name=op.f('pk_submission_links'))
    )
    op.create_table('submission_members',
    sa.Column('submission_id', sa.Uuid(), nullable=False),
    sa.Column('enrolment_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['enrolment_id'], ['enrolments.id'], name=op.f('fk_submission_members_enrolment_id')),
    sa.ForeignKeyConstraint(['submission_id'], ['submissions.id'], name=op.f('fk_submission_members_submission_id')),
    sa.PrimaryKeyConstraint('submission_id', 'enrolment_id', name=op.f('pk_submission_members'))
    )
    op.create_index(op.f('ix_submission_members_enrolment_id'), 'submission_members', ['enrolment_id'], unique=False)
    _make_rules()
    _make_job_queue()


def downgrade() -> None:
    _drop_job_queue()
    op.drop_index(op.f('ix_submission_members_enrolment_id'), table_name='submission_members')
    op.drop_table('submission_members')
    op.drop_table('submission_links')
    op.drop_table('submission_files')
    op.drop_index(op.f('ix_marking_drafts_trainer_id'), table_name='marking_drafts')
    op.drop_table('marking_drafts')
    op.drop_index('ix_grades_submission_id_enrolment_id_graded_at', table_name='grades')
    op.drop_index(op.f('ix_grades_graded_by'), table_name='grades')
    op.drop_index(op.f('ix_grades_enrolment_id'), table_name='grades')
    op.drop_table('grades')
    op.drop_index('uq_submissions_draft', table_name='submissions', postgresql_where=sa.text("state = 'draft'"))
    op.drop_index(op.f('ix_submissions_submitted_by'), table_name='submissions')
    op.drop_index('ix_submissions_queue', table_name='submissions')
    op.drop_index(op.f('ix_submissions_enrolment_id'), table_name='submissions')
    op.drop_table('submissions')
    op.drop_index(op.f('ix_seats_user_id'), table_name='seats')
    op.drop_table('seats')
    op.drop_index(op.f('ix_materials_module_id'), table_name='materials')
    op.drop_index('ix_materials_intake_id_module_id_position', table_name='materials')
    op.drop_index(op.f('ix_materials_created_by'), table_name='materials')
    op.drop_table('materials')
    op.drop_index(op.f('ix_live_classes_trainer_id'), table_name='live_classes')
    op.drop_index('ix_live_classes_starts_at_id', table_name='live_classes')
    op.drop_index(op.f('ix_live_classes_room_id'), table_name='live_classes')
    op.drop_index('ix_live_classes_intake_id_starts_at', table_name='live_classes')
    op.drop_index(op.f('ix_live_classes_created_by'), table_name='live_classes')
    op.drop_table('live_classes')
    op.drop_index(op.f('ix_intake_trainers_user_id'), table_name='intake_trainers')
    op.drop_table('intake_trainers')
    op.drop_index('uq_enrolments_intake_id_user_id_current', table_name='enrolments', postgresql_where=sa.text("state IN ('active', 'suspended', 'completed')"))
    op.drop_index(op.f('ix_enrolments_user_id'), table_name='enrolments')
    op.drop_index(op.f('ix_enrolments_intake_id'), table_name='enrolments')
    op.drop_index(op.f('ix_enrolments_enrolled_by'), table_name='enrolments')
    op.drop_table('enrolments')
    op.drop_index('ix_assignments_intake_id_due_at_id', table_name='assignments')
    op.drop_index(op.f('ix_assignments_created_by'), table_name='assignments')
    op.drop_table('assignments')
    op.drop_index(op.f('ix_sessions_user_id'), table_name='sessions')
    op.drop_index(op.f('ix_sessions_device_id'), table_name='sessions')
    op.drop_table('sessions')
    op.drop_table('modules')
    op.drop_index('ix_intakes_starts_on_id', table_name='intakes')
    op.drop_index('ix_intakes_search_text', table_name='intakes', postgresql_using='gin', postgresql_ops={'search_text': 'gin_trgm_ops'})
    op.drop_index(op.f('ix_intakes_course_id'), table_name='intakes')
    op.drop_table('intakes')
    op.drop_table('audit_seals')
    op.drop_table('audit_details')
    op.drop_index(op.f('ix_single_use_tokens_user_id'), table_name='single_use_tokens')
    op.drop_index(op.f('ix_single_use_tokens_issued_by'), table_name='single_use_tokens')
    op.drop_table('single_use_tokens')
    op.drop_index(op.f('ix_sign_in_throttles_user_id'), table_name='sign_in_throttles')
    op.drop_table('sign_in_throttles')
    op.drop_index(op.f('ix_security_events_user_id'), table_name='security_events')
    op.drop_index('ix_security_events_kind_at', table_name='security_events')
    op.drop_index('ix_security_events_at_id', table_name='security_events')
    op.drop_table('security_events')
    op.drop_index(op.f('ix_refresh_tokens_user_id'), table_name='refresh_tokens')
    op.drop_index(op.f('ix_refresh_tokens_successor_id'), table_name='refresh_tokens')
    op.drop_index(op.f('ix_refresh_tokens_family_id'), table_name='refresh_tokens')
    op.drop_table('refresh_tokens')
    op.drop_index('ix_notifications_user_id_created_at_id', table_name='notifications')
    op.drop_index('ix_notifications_unread', table_name='notifications', postgresql_where=sa.text('read_at IS NULL'))
    op.drop_table('notifications')
    op.drop_index('uq_idempotent_requests_user_id_key', table_name='idempotent_requests', postgresql_nulls_not_distinct=True)
    op.drop_index(op.f('ix_idempotent_requests_user_id'), table_name='idempotent_requests')
    op.drop_index('ix_idempotent_requests_created_at', table_name='idempotent_requests')
    op.drop_table('idempotent_requests')
    op.drop_index('ix_files_unattached', table_name='files', postgresql_where=sa.text("state IN ('receiving', 'stored')"))
    op.drop_index(op.f('ix_files_owner_id'), table_name='files')
    op.drop_table('files')
    op.drop_index('uq_devices_token_hash_user_id', table_name='devices')
    op.drop_index(op.f('ix_devices_user_id'), table_name='devices')
    op.drop_table('devices')
    op.drop_index('ix_courses_state_sort_key_id', table_name='courses')
    op.drop_index('ix_courses_search_text', table_name='courses', postgresql_using='gin', postgresql_ops={'search_text': 'gin_trgm_ops'})
    op.drop_index(op.f('ix_courses_drafted_by'), table_name='courses')
    op.drop_table('courses')
    op.drop_index('ix_audit_entries_subject', table_name='audit_entries')
    op.drop_index(op.f('ix_audit_entries_for_user_id'), table_name='audit_entries')
    op.drop_index('ix_audit_entries_at_id', table_name='audit_entries')
    op.drop_index(op.f('ix_audit_entries_actor_id'), table_name='audit_entries')
    op.drop_index('ix_audit_entries_action_at', table_name='audit_entries')
    op.drop_table('audit_entries')
    op.drop_index('ix_users_sort_key_id', table_name='users')
    op.drop_index('ix_users_search_text', table_name='users', postgresql_using='gin', postgresql_ops={'search_text': 'gin_trgm_ops'})
    op.drop_table('users')
    op.drop_table('rooms')
    op.drop_table('number_series')
    op.drop_index('ix_limit_counters_expires_at', table_name='limit_counters')
    op.drop_table('limit_counters')
    op.drop_table('job_marks')
    op.drop_index('ix_cache_entries_name', table_name='cache_entries')
    op.drop_index('ix_cache_entries_expires_at', table_name='cache_entries')
    op.drop_table('cache_entries')
    _drop_functions()


EXTENSIONS = ("citext", "pg_trgm", "unaccent", "btree_gist")
SEQUENCES = ("student_number_seq", "submission_number_seq")

# The text a search looks in: without case, without accents. IMMUTABLE because the dictionary is named.
FOLD = """
CREATE FUNCTION fold(t text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
AS $$ SELECT lower(public.unaccent('public.unaccent', t)) $$
"""

REFUSE_CHANGE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""

# Arguments of the trigger are the arrows that exist, such as 'active>suspended'.
KEEP_TO_ARROWS = """
CREATE FUNCTION keep_to_arrows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (OLD.state || '>' || NEW.state) = ANY (TG_ARGV) THEN
        RAISE EXCEPTION 'a row of % does not go from % to %', TG_TABLE_NAME, OLD.state, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'arrows_' || TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$
"""

# Taking a seat locks the intake's row, so that two takers wait for each other and the check sees both.
COUNT_SEATS = """
CREATE FUNCTION count_seats() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE intakes SET seats_taken = seats_taken + 1 WHERE id = NEW.intake_id;
    ELSE
        UPDATE intakes SET seats_taken = seats_taken - 1 WHERE id = OLD.intake_id;
    END IF;
    RETURN NULL;
END $$
"""

# A mark is never rewritten; it is only shown, once.
KEEP_GRADES = """
CREATE FUNCTION keep_grades() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.released_at IS NOT NULL OR NEW.released_at IS NULL
        OR to_jsonb(NEW) - 'released_at' <> to_jsonb(OLD) - 'released_at' THEN
        RAISE EXCEPTION 'grades are append-only' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""

# Someone must always be able to let others in. The lock makes two admins who demote each other take turns.
KEEP_ONE_SYSTEM_ADMIN = """
CREATE FUNCTION keep_one_system_admin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.role = 'admin' AND OLD.deactivated_at IS NULL AND 'system' = ANY (OLD.duties)
        AND NOT (NEW.role = 'admin' AND NEW.deactivated_at IS NULL AND 'system' = ANY (NEW.duties)) THEN
        PERFORM pg_advisory_xact_lock(hashtext('keep_one_system_admin'));
        IF NOT EXISTS (SELECT 1 FROM users
                       WHERE role = 'admin' AND deactivated_at IS NULL AND 'system' = ANY (duties)) THEN
            RAISE EXCEPTION 'the last active admin with the duty system stays'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'last_system_admin';
        END IF;
    END IF;
    RETURN NULL;
END $$
"""

FUNCTIONS = (FOLD, REFUSE_CHANGE, KEEP_TO_ARROWS, COUNT_SEATS, KEEP_GRADES, KEEP_ONE_SYSTEM_ADMIN)

RULES = (
    "CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON audit_entries FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON audit_seals FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER refuse_change BEFORE UPDATE ON audit_details FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON audit_entries EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON audit_seals EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER keep_grades BEFORE UPDATE ON grades FOR EACH ROW EXECUTE FUNCTION keep_grades()",
    "CREATE TRIGGER refuse_delete BEFORE DELETE ON grades FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER count_seats AFTER INSERT OR DELETE ON seats FOR EACH ROW EXECUTE FUNCTION count_seats()",
    "CREATE TRIGGER keep_one_system_admin AFTER UPDATE OF role, duties, deactivated_at ON users "
    "FOR EACH ROW EXECUTE FUNCTION keep_one_system_admin()",
)

ARROWS = {
    "enrolments": (
        "active>suspended",
        "suspended>active",
        "active>withdrawn",
        "suspended>withdrawn",
        "active>completed",
        "withdrawn>deferred",
    ),
    "submissions": ("draft>submitted", "submitted>graded", "graded>returned", "submitted>withdrawn"),
    "live_classes": ("scheduled>live", "live>ended", "scheduled>cancelled", "live>cancelled"),
}


def _make_functions() -> None:
    for extension in EXTENSIONS:
        op.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    for function in FUNCTIONS:
        op.execute(function)
    for sequence in SEQUENCES:
        op.execute(f"CREATE SEQUENCE {sequence}")


def _make_rules() -> None:
    for rule in RULES:
        op.execute(rule)
    for table, arrows in ARROWS.items():
        listed = ", ".join(f"'{arrow}'" for arrow in arrows)
        op.execute(
            f"CREATE TRIGGER keep_to_arrows BEFORE UPDATE OF state ON {table} FOR EACH ROW "
            f"WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION keep_to_arrows({listed})"
        )


def _make_job_queue() -> None:
    """Install the queue's own schema as its library ships it."""
    op.get_bind().connection.driver_connection.execute(SchemaManager.get_schema())


def _drop_job_queue() -> None:
    op.execute("""
        DO $$
        DECLARE item record;
        BEGIN
            FOR item IN SELECT format('DROP TABLE %I CASCADE', relname) AS command FROM pg_class
                WHERE relkind = 'r' AND relname LIKE 'procrastinate\\_%' LOOP EXECUTE item.command; END LOOP;
            FOR item IN SELECT format('DROP FUNCTION %s CASCADE', oid::regprocedure) AS command FROM pg_proc
                WHERE proname LIKE 'procrastinate\\_%' LOOP EXECUTE item.command; END LOOP;
            FOR item IN SELECT format('DROP TYPE %I CASCADE', typname) AS command FROM pg_type
                WHERE typname LIKE 'procrastinate\\_%' AND typtype IN ('e', 'c') LOOP EXECUTE item.command; END LOOP;
        END $$
    """)


def _drop_functions() -> None:
    for sequence in SEQUENCES:
        op.execute(f"DROP SEQUENCE {sequence}")
    for function in FUNCTIONS:
        op.execute("DROP FUNCTION " + function.split("FUNCTION ", 1)[1].split(" RETURNS", 1)[0] + " CASCADE")
    for extension in reversed(EXTENSIONS):
        op.execute(f"DROP EXTENSION {extension}")
