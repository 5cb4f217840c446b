"""The site as learners and staff find it: pages, accounts, courses, playback, people."""

TABLE = """
                              anon lrnr enrl rvkd susp ownr clgu supp admn
GET static                     200  200  200  200  200  200  200  200  200
GET pages.home                 200  200  200  200  200  200  200  200  200
GET pages.training             200  200  200  200  200  200  200  200  200
GET pages.legal                200  200  200  200  200  200  200  200  200
GET pages.sitemap              200  200  200  200  200  200  200  200  200
GET pages.robots               200  200  200  200  200  200  200  200  200
GET pages.favicon              302  302  302  302  302  302  302  302  302
GET pages.health               200  200  200  200  200  200  200  200  200
GET pages.live                 200  200  200  200  200  200  200  200  200
GET pages.ready                200  200  200  200  200  200  200  200  200
GET pages.metrics              404  404  404  404  404  404  404  404  200
GET pages.deep                 404  404  404  404  404  404  404  200  200
POST pages.report_client_error 422  422  422  422  422  422  422  422  422
GET pages.openapi              200  200  200  200  200  200  200  200  200
GET pages.api_docs             200  200  200  200  200  200  200  200  200
GET pages.outbox               200  200  200  200  200  200  200  200  200
GET pages.outbox_mail          200  200  200  200  200  200  200  200  200
GET pages.outbox_letter        200  200  200  200  200  200  200  200  200

GET auth.sign_in               200  303  303  303  200  303  303  303  303
POST auth.sign_in              422  422  422  422  422  422  422  422  422
GET auth.sign_up               200  303  303  303  200  303  303  303  303
POST auth.sign_up              422  422  422  422  422  422  422  422  422
POST auth.sign_out             303  303  303  303  303  303  303  303  303
POST auth.register             422  422  422  422  422  422  422  422  422
POST auth.login                401  401  401  401  401  401  401  401  401
POST auth.logout               204  204  204  204  204  204  204  204  204
GET auth.me                    401  200  200  200  401  200  200  200  200

GET auth.profile                in  200  200  200   in  200  200  200  200
POST auth.profile               in  422  422  422   in  422  422  422  422
GET auth.get_profile           401  200  200  200  401  200  200  200  200
PATCH auth.change_profile      401  200  200  200  401  200  200  200  200

GET auth.data                   in  200  200  200   in  200  200  200  200
POST auth.request_export        in  303  303  303   in  303  303  303  303
GET auth.download_export        in  410  410  410   in  410  410  410  410
GET auth.list_exports          401  200  200  200  401  200  200  200  200
POST auth.create_export        401  202  202  202  401  202  202  202  202
GET auth.deletion               in  200  200  200   in  200  200  200  200
POST auth.deletion              in  422  422  422   in  422  422  422  422
POST auth.keep_account          in  303  303  303   in  303  303  303  303
GET auth.get_deletion          401  200  200  200  401  200  200  200  200
POST auth.create_deletion      401  422  422  422  401  422  422  422  422
DELETE auth.cancel_deletion    401  204  204  204  401  204  204  204  204

GET auth.verify                410  410  410  410  410  410  410  410  410
POST auth.verify               410  410  410  410  410  410  410  410  410
POST auth.verify_by_program    422  422  422  422  422  422  422  422  422
POST auth.resend_verification   in  303  303  303   in  303  303  303  303
POST auth.resend_verification_by_program 401  202  202  202  401  202  202  202  202
GET auth.reset                 200  200  200  200  200  200  200  200  200
POST auth.reset                422  422  422  422  422  422  422  422  422
POST auth.reset_by_program     422  422  422  422  422  422  422  422  422
GET auth.set_password          410  410  410  410  410  410  410  410  410
POST auth.set_password         410  410  410  410  410  410  410  410  410
POST auth.set_password_by_program 422  422  422  422  422  422  422  422  422
GET auth.password               in  200  200  200   in  200  200  200  200
POST auth.password              in  422  422  422   in  422  422  422  422
POST auth.change_password      401  422  422  422  401  422  422  422  422
GET auth.email                  in  200  200  200   in  200  200  200  200
POST auth.email                 in  422  422  422   in  422  422  422  422
POST auth.cancel_email          in  303  303  303   in  303  303  303  303
GET auth.get_email             401  200  200  200  401  200  200  200  200
POST auth.request_email        401  422  422  422  401  422  422  422  422
DELETE auth.cancel_email_by_program 401  204  204  204  401  204  204  204  204
GET auth.confirm_old_email     410  410  410  410  410  410  410  410  410
POST auth.confirm_old_email    410  410  410  410  410  410  410  410  410
GET auth.confirm_new_email     410  410  410  410  410  410  410  410  410
POST auth.confirm_new_email    410  410  410  410  410  410  410  410  410
GET auth.stop_email_change     410  410  410  410  410  410  410  410  410
POST auth.stop_email_change    410  410  410  410  410  410  410  410  410
POST auth.confirm_email_by_program 422  422  422  422  422  422  422  422  422
GET auth.confirm                in  200  200  200   in  200  200  200  200
POST auth.confirm               in  422  422  422   in  422  422  422  422
POST auth.confirm_by_program   401  422  422  422  401  422  422  422  422
GET auth.sessions               in  200  200  200   in  200  200  200  200
POST auth.end_session           in  404  404  404   in  404  404  404  404
POST auth.end_other_sessions    in  303  303  303   in  303  303  303  303
POST auth.end_all_sessions      in   in   in   in   in   in   in   in   in
GET auth.list_sessions         401  200  200  200  401  200  200  200  200
DELETE auth.delete_sessions    401  204  204  204  401  204  204  204  204
DELETE auth.delete_session     401  404  404  404  401  404  404  404  404

GET auth.second_factor          in   in   in   in   in   in   in   in   in
POST auth.second_factor         in   in   in   in   in   in   in   in   in
GET auth.security               in  200  200  200   in  200  200  200  200
POST auth.begin_totp            in  303  303  303   in  303  303  303  303
GET auth.totp_set_up            in  303  303  303   in  303  303  303  303
POST auth.totp_set_up           in  303  303  303   in  303  303  303  303
POST auth.remove_totp           in  303  303  303   in  303  303  303  303
GET auth.recovery_codes         in  303  303  303   in  303  303  303  303
POST auth.recovery_codes        in  303  303  303   in  303  303  303  303
POST auth.rename_passkey        in  404  404  404   in  404  404  404  404
POST auth.remove_passkey        in  303  303  303   in  303  303  303  303
GET auth.factors               401  200  200  200  401  200  200  200  200
POST auth.begin_totp_by_program 401  201  201  201  401  201  201  201  201
POST auth.confirm_totp_by_program 401  422  422  422  401  422  422  422  422
DELETE auth.remove_totp_by_program 401  404  404  404  401  404  404  404  404
POST auth.make_recovery_codes_by_program 401  404  404  404  401  404  404  404  404
POST auth.passkey_sign_in_options 200  200  200  200  200  200  200  200  200
POST auth.passkey_sign_in      422  422  422  422  422  422  422  422  422
POST auth.passkey_confirmation_options 401  200  200  200  401  200  200  200  200
POST auth.passkey_confirmation 401  422  422  422  401  422  422  422  422
POST auth.passkey_options      401  200  200  200  401  200  200  200  200
POST auth.add_passkey          401  422  422  422  401  422  422  422  422
GET auth.list_passkeys         401  200  200  200  401  200  200  200  200
PATCH auth.change_passkey      401  422  422  422  401  422  422  422  422
DELETE auth.delete_passkey     401  404  404  404  401  404  404  404  404

GET auth.api_keys               in  200  200  200   in  200  200  200  200
POST auth.api_keys              in  422  422  422   in  422  422  422  422
POST auth.revoke_key            in  303  303  303   in  303  303  303  303
GET auth.list_api_keys         401  200  200  200  401  200  200  200  200
POST auth.create_api_key       401  422  422  422  401  422  422  422  422
DELETE auth.revoke_api_key     401  404  404  404  401  404  404  404  404

GET courses.index              200  200  200  200  200  200  200  200  200
GET courses.category           200  200  200  200  200  200  200  200  200
GET courses.show               200  200  200  200  200  200  200  200  200
GET courses.list_courses       200  200  200  200  200  200  200  200  200
GET courses.get_course         200  200  200  200  200  200  200  200  200
GET courses.dashboard           in  200  200  200   in  200  200  200  200
GET courses.list_enrolled_courses  401  200  200  200  401  200  200  200  200
POST courses.enroll             in  303  303  403   in  303  303  303  303
POST courses.enroll_by_program 401  201  200  403  401  201  201  201  201
GET courses.learn_start         in  303  303  303   in  303  303  303  303
GET courses.learn               in  403  200  403   in  200  403  403  200
POST courses.complete           in  403  303  403   in  303  403  403  303

POST playback.create_token     401  403  201  403  401  201  403  403  201
GET playback.list_sessions     401  200  200  200  401  200  200  200  200
GET playback.manifest          401  401  200  401  401  401  401  401  401
GET playback.rendition         401  404  200  404  401  404  404  404  404
GET playback.content_key       401  404  200  404  401  404  404  404  404
GET playback.caption_playlist  401  404  200  404  401  404  404  404  404
GET playback.caption_file      401  404  200  404  401  404  404  404  404
GET playback.segment           401  403  200  403  401  403  403  403  403
POST playback.heartbeat        401  404  200  404  401  404  404  404  404
DELETE playback.stop_session   401  404  204  404  401  404  404  404  404

GET admin.index                 in  403  403  403   in  200  200  200  200
GET admin.courses               in  403  403  403   in  200  200  200  200
GET admin.videos                in  403  403  403   in  200  200  200  200
GET admin.list_courses         401  403  403  403  401  200  200  200  200
GET admin.list_media           401  403  403  403  401  200  200  200  200
GET admin.users                 in  403  403  403   in  403  403  200  200
GET admin.user                  in  403  403  403   in  403  403  200  200
GET admin.user_act              in  403  403  403   in  403  403  200  200
POST admin.user_act             in  403  403  403   in  403  403  422  422
GET admin.list_users           401  403  403  403  401  403  403  200  200
GET admin.get_user             401  403  403  403  401  403  403  200  200
POST admin.suspend_user        401  403  403  403  401  403  403  200  200
POST admin.reinstate_user      401  403  403  403  401  403  403  200  200
POST admin.change_user_role    401  403  403  403  401  403  403  403  200
POST admin.end_user_sessions   401  403  403  403  401  403  403  200  200
POST admin.reset_user_second_factor  401  403  403  403  401  403  403  403  200
GET admin.audit                 in  403  403  403   in  403  403  403  200
GET admin.export_audit          in  403  403  403   in  403  403  403  200
GET admin.list_audit           401  403  403  403  401  403  403  403  200
"""

KEYS = """
                              full read rvkd expd susp admn
GET pages.health               200  200  200  200  200  200
GET pages.live                 200  200  200  200  200  200
GET pages.ready                200  200  200  200  200  200
GET pages.deep                 404  404  404  404  404  404
POST pages.report_client_error 422  422  422  422  422  422
GET pages.openapi              200  200  200  200  200  200
GET pages.api_docs             200  200  200  200  200  200

GET auth.me                    200  200  401  401  401  200

GET auth.get_profile           200  200  401  401  401  200
PATCH auth.change_profile      200  403  401  401  401  200

GET courses.list_courses       200  200  401  401  401  200
GET courses.get_course         200  200  401  401  401  200
GET courses.list_enrolled_courses  200  200  401  401  401  200
POST courses.enroll_by_program 200  403  401  401  401  201

POST playback.create_token     201  403  401  401  401  201
GET playback.list_sessions     200  403  401  401  401  200
GET playback.manifest          401  403  401  401  401  401
GET playback.rendition         404  403  401  401  401  404
GET playback.content_key       404  403  401  401  401  404
GET playback.caption_playlist  404  403  401  401  401  404
GET playback.caption_file      404  403  401  401  401  404
GET playback.segment           403  403  401  401  401  403
POST playback.heartbeat        404  403  401  401  401  404
DELETE playback.stop_session   204  403  401  401  401  404

GET admin.list_courses         403  403  401  401  401  200
GET admin.list_media           403  403  401  401  401  200
GET admin.list_users           403  403  401  401  401  200
GET admin.get_user             403  403  401  401  401  200
GET admin.list_audit           403  403  401  401  401  200
"""
